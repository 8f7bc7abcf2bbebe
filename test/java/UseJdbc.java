import java.sql.*;
import java.util.*;

/** Drives the PostgreSQL JDBC driver at a Sluice; prints `what: rows` lines. Arguments: URL, user, password. */
class UseJdbc {
  static void show(String what, ResultSet rows) throws SQLException {
    var text = new StringJoiner(" ; ");
    int count = rows.getMetaData().getColumnCount();
    while (rows.next()) {
      var line = new StringJoiner(",");
      for (int column = 1; column <= Math.min(count, 8); column++) line.add(String.valueOf(rows.getString(column)));
      text.add(line.toString());
    }
    System.out.println(what + ": " + text);
  }

  public static void main(String[] args) throws Exception {
    try (var connection = DriverManager.getConnection(args[0], args[1], args[2])) {
      var meta = connection.getMetaData();
      System.out.println("product: " + meta.getDatabaseProductName() + " " + meta.getDatabaseMajorVersion());
      show("catalogs", meta.getCatalogs());
      show("schemas", meta.getSchemas(null, "public"));
      show("tables", meta.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"}));
      show("columns", meta.getColumns(null, "public", "visits", "%"));
      // Whatever else a tool may ask of it, with arguments that fit any.
      var asked = 0;
      for (var method : DatabaseMetaData.class.getMethods()) {
        if (method.getReturnType() != ResultSet.class) continue;
        var given = Arrays.stream(method.getParameterTypes())
            .map(type -> type == String.class ? "visits" : type == boolean.class ? (Object) false
                : type == int.class ? (Object) 0 : null)
            .toArray();
        try {
          ((ResultSet) method.invoke(meta, given)).close();
          asked++;
        } catch (java.lang.reflect.InvocationTargetException failure) {
          if (!(failure.getCause() instanceof SQLFeatureNotSupportedException)) {
            System.out.println("failed " + method.getName() + ": " + failure.getCause().getMessage());
          }
        }
      }
      System.out.println("asked: " + (asked > 20));
      // The sixth time the driver uses a named statement, and binary values.
      try (var statement = connection.prepareStatement("SELECT id, pages, value, at FROM visits WHERE pages >= ? ORDER BY id")) {
        for (int time = 0; time < 7; time++) {
          statement.setInt(1, 2);
          var rows = statement.executeQuery();
          if (time == 6) show("prepared", rows);
        }
      }
      try (var statement = connection.prepareStatement("SELECT id FROM visits WHERE CAST(at AS DATE) = ? ORDER BY id")) {
        statement.setDate(1, java.sql.Date.valueOf("2026-01-01"));
        show("of a date", statement.executeQuery());
      }
      try (var change = connection.createStatement()) {
        change.execute("CREATE TABLE changing AS SELECT 1 AS n");
        try (var statement = connection.prepareStatement("SELECT * FROM changing")) {
          for (int time = 0; time < 6; time++) statement.executeQuery().close();
          change.execute("DROP TABLE changing");
          change.execute("CREATE TABLE changing AS SELECT 'a' AS text, 2 AS n");
          // The driver prepares it again by itself.
          show("changed", statement.executeQuery());
        } finally {
          change.execute("DROP TABLE changing");
        }
      }
      connection.setAutoCommit(false);
      try (var statement = connection.prepareStatement("SELECT explode(sequence(1, ?)) AS n")) {
        statement.setFetchSize(100);
        statement.setInt(1, 1000);
        long sum = 0;
        for (var rows = statement.executeQuery(); rows.next(); ) sum += rows.getLong(1);
        System.out.println("fetched: " + sum);
      }
      var savepoint = connection.setSavepoint();
      try (var statement = connection.createStatement()) {
        statement.executeQuery("SELECT nothing FROM visits");
      } catch (SQLException failure) {
        System.out.println("state: " + failure.getSQLState());
      }
      connection.rollback(savepoint);
      show("after", connection.createStatement().executeQuery("SELECT 'on'"));
      connection.commit();
      connection.setAutoCommit(true);
      try (var statement = connection.createStatement()) {
        var canceller = new Thread(() -> {
          try {
            Thread.sleep(500);
            statement.cancel();
          } catch (Exception failure) {
            System.out.println("cancel: " + failure);
          }
        });
        canceller.start();
        statement.executeQuery("SELECT count(*) FROM (SELECT explode(sequence(1, 1000000)) a) x "
            + "JOIN (SELECT explode(sequence(1, 1000000)) b) y ON a % 7 <> b % 11");
        System.out.println("not cancelled");
      } catch (SQLException failure) {
        System.out.println("cancelled: " + failure.getSQLState());
      }
      connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
      System.out.println("isolation: " + connection.getTransactionIsolation());
      try (var statement = connection.prepareStatement("SELECT id FROM visits WHERE id = ANY(?) ORDER BY id")) {
        statement.setArray(1, connection.createArrayOf("text", new String[] {"v3", "v1", "a\\b"}));
        show("several", statement.executeQuery());
      }
      var out = new java.io.StringWriter();
      connection.unwrap(org.postgresql.PGConnection.class).getCopyAPI()
          .copyOut("COPY (SELECT id, pages FROM visits ORDER BY id) TO STDOUT CSV", out);
      System.out.println("copied: " + out.toString().replace("\n", " "));
    }
    // The driver puts values into texts itself.
    try (var connection = DriverManager.getConnection(args[0] + "&preferQueryMode=simple", args[1], args[2]);
        var statement = connection.prepareStatement("SELECT ?, id FROM visits WHERE at > ? AND pages = ? AND id = ANY(?)")) {
      statement.setString(1, "\\' OR true --");
      statement.setObject(2, java.time.OffsetDateTime.parse("2026-01-02T00:00:00Z"));
      statement.setInt(3, 7);
      statement.setArray(4, connection.createArrayOf("text", new String[] {"v3", "v1"}));
      show("simple", statement.executeQuery());
    }
  }
}
