// Drives pgx at a Sluice and prints what it saw, as JSON. Connection by PG* variables.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What must come back as it was sent, however the client puts it into a statement.
var texts = []string{"a'b", `a\b`, `\' OR true --`, `\`, `100\%`, "zażółć 🦊", ""}

var modes = map[string]pgx.QueryExecMode{
	"statements": pgx.QueryExecModeCacheStatement,
	"described":  pgx.QueryExecModeCacheDescribe,
	"exec":       pgx.QueryExecModeExec,
	"simple":     pgx.QueryExecModeSimpleProtocol,
}

func main() {
	ctx, done := context.WithTimeout(context.Background(), time.Minute)
	defer done()
	seen := map[string]any{}
	for name, mode := range modes {
		seen[name] = useMode(ctx, mode)
	}
	seen["pool"] = usePool(ctx)
	must(json.NewEncoder(os.Stdout).Encode(seen))
}

func useMode(ctx context.Context, mode pgx.QueryExecMode) map[string]any {
	config := of(pgx.ParseConfig(""))
	config.DefaultQueryExecMode = mode
	if mode == pgx.QueryExecModeSimpleProtocol {
		// It escapes for no other setting, and says so.
		config.RuntimeParams["standard_conforming_strings"] = "on"
	}
	connection := of(pgx.ConnectConfig(ctx, config))
	defer connection.Close(ctx)
	all := func(sql string, arguments ...any) [][]any {
		return of(pgx.CollectRows(of(connection.Query(ctx, sql, arguments...)), valuesOf))
	}
	same := true
	for _, text := range texts {
		same = same && all("SELECT $1::text", text)[0][0] == text
	}
	_, wrong := connection.Exec(ctx, "SELECT nothing FROM visits")
	impatient, done := context.WithTimeout(ctx, 300*time.Millisecond)
	defer done()
	seen := map[string]any{
		"rows":  all("SELECT id, at, pages, value::text, tags FROM visits ORDER BY id"),
		"texts": same,
		"parameters": all("SELECT id FROM visits WHERE pages >= $1 AND at < $2 AND person = $3 AND id = ANY($4) AND value < $5",
			2, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), "ann", []string{"v1", `a\b`}, 99.5),
		"after": all("SELECT 1"),
		"error": stateOf(wrong),
	}
	_, late := connection.Exec(impatient, "SELECT count(*) FROM (SELECT explode(sequence(1, 1000000)) a) x "+
		"JOIN (SELECT explode(sequence(1, 1000000)) b) y ON a % 7 <> b % 11")
	seen["late"] = errors.Is(late, impatient.Err())
	return seen
}

func usePool(ctx context.Context) map[string]any {
	pool := of(pgxpool.New(ctx, "pool_max_conns=2"))
	defer pool.Close()
	batch := &pgx.Batch{}
	for number := range 20 {
		batch.Queue("SELECT $1::int + 1", number)
	}
	results := pool.SendBatch(ctx, batch)
	sum := 0
	for range 20 {
		var number int
		must(results.QueryRow().Scan(&number))
		sum += number
	}
	must(results.Close())
	transaction := of(pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly}))
	point := of(transaction.Begin(ctx))
	_, wrong := point.Exec(ctx, "SELECT nothing")
	must(point.Rollback(ctx))
	var after int
	must(transaction.QueryRow(ctx, "SELECT 2").Scan(&after))
	must(transaction.Commit(ctx))
	copied := bytes.Buffer{}
	connection := of(pool.Acquire(ctx))
	defer connection.Release()
	tag := of(connection.Conn().PgConn().CopyTo(ctx, &copied, "COPY (SELECT id, pages FROM visits ORDER BY id) TO STDOUT"))
	return map[string]any{"batch": sum, "error": stateOf(wrong), "after": after, "copied": []string{copied.String(), tag.String()}}
}

func valuesOf(row pgx.CollectableRow) ([]any, error) { return row.Values() }

func stateOf(err error) string {
	var failed *pgconn.PgError
	if errors.As(err, &failed) {
		return failed.Code
	}
	return ""
}

func of[T any](value T, err error) T {
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
