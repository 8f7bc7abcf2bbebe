import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { findPrincipal, type SandboxRow } from '#metadata/access.ts'
import { selectSampledDataset } from '#metadata/datasets.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { Access, AccessPolicy, Principal, Question, Sandbox } from './access.ts'
import { auditWriter } from './audit-writer.ts'
import { bootstrap, rotateCredentials } from './bootstrap.ts'
import { decide, decideDatasets } from './decide.ts'
import { inheritedPolicies } from './inherited-policies.ts'
import type { Permission } from './permissions.ts'
import { createRights } from './rights.ts'
import { createSignIns } from './sign-ins.ts'
import { createSqlSignIn } from './sql-sign-in.ts'
import { createTokens, principalOf } from './tokens.ts'

export interface AccessOptions {
  readonly metadata: Metadata
  /** Where the first administrator's credentials are kept. */
  readonly credentialsFile: string
  readonly clock: Clock
  readonly logger: Logger
  /** What narrows what roles give; all are asked. */
  readonly policies?: readonly AccessPolicy[]
}

export function createAccess(options: AccessOptions): Access {
  const { metadata, credentialsFile, clock, logger } = options
  const { db } = metadata
  const policies = inheritedPolicies(options.policies ?? [], (sandboxId, datasetId) =>
    selectSampledDataset(db, sandboxId, datasetId),
  )
  const { audit, auditRow } = auditWriter({ db, clock })
  const rights = createRights(db)
  const signIns = createSignIns({ clock, logger, audit })

  async function openSandbox(
    principal: Principal,
    row: SandboxRow | undefined,
    asked: string,
  ): Promise<Sandbox> {
    if (row) return sandboxOf(row)
    await audit({
      principalId: principal.id,
      sandboxId: undefined,
      action: 'deny',
      assetType: 'Sandbox',
      assetId: asked.slice(0, 200),
      status: 'Deny',
    })
    throw new AppError('access.denied', 'No sandbox of that name is open to you.', {
      hint: 'Name a sandbox of your organisation; the first one is prod.',
    })
  }

  async function recordDenial(question: Question, missing: Permission): Promise<void> {
    await audit({
      principalId: question.principal.id,
      sandboxId: question.sandboxId,
      action: 'deny',
      assetType: question.datasetId === undefined ? 'Permission' : 'DataSet',
      assetId: question.datasetId ?? missing,
      status: 'Deny',
      detail: { permission: missing },
    })
    logger.log('info', 'access.denied', { principalId: question.principal.id, permission: missing })
  }

  return {
    decide: (question) => decide(rights, policies, question),
    decideDatasets: (question, datasetIds) => decideDatasets(rights, policies, { question, datasetIds }),
    require: async (question) => {
      const decision = await decide(rights, policies, question)
      if (decision.isAllowed) return decision
      await recordDenial(question, decision.missing)
      throw denied(decision.missing)
    },
    ...createTokens({ metadata, clock, signIns, audit }),
    ...createSqlSignIn({ db, clock, signIns }),
    sandbox: async (principal, name) => {
      const rows = await rights.openSandboxes(principal.id)
      return await openSandbox(
        principal,
        rows.find((row) => row.name === name),
        name,
      )
    },
    sandboxes: async (principal, permission) => {
      const rows = await rights.openSandboxes(principal.id)
      const decisions = await Promise.all(
        rows.map(async ({ id }) => await decide(rights, policies, { principal, permission, sandboxId: id })),
      )
      return rows.filter((_, index) => decisions[index]?.isAllowed).map(sandboxOf)
    },
    actAs: async (principalId: PrincipalId, sandboxId: SandboxId) => {
      const row = await findPrincipal(db, principalId)
      if (!row) {
        throw new AppError('access.denied', 'The principal this runs as is gone or disabled.', {
          hint: 'Give the schedule to another principal.',
        })
      }
      const principal = principalOf(row)
      const sandbox = (await rights.openSandboxes(principalId)).find(({ id }) => id === sandboxId)
      return { principal, sandbox: await openSandbox(principal, sandbox, sandboxId) }
    },
    audit,
    auditRow,
    bootstrap: () => bootstrap({ metadata, credentialsFile, clock }),
    rotateCredentials: (by) => rotateCredentials({ metadata, credentialsFile, clock, audit, by }),
  }
}

/** Names the permission, and nothing of what was asked for. */
function denied(missing: Permission): AppError {
  if (missing === 'batch-queries') {
    return new AppError('access.denied', 'Your organisation is not entitled to batch queries.', {
      hint: 'SELECT alone is open to it.',
      detail: { permission: missing },
    })
  }
  return new AppError('access.denied', `Missing permission: ${missing}`, {
    hint: 'Ask an administrator of your organisation for it.',
    detail: { permission: missing },
  })
}

function sandboxOf(row: SandboxRow): Sandbox {
  return { id: row.id, organizationId: row.organization_id, name: row.name, type: row.type }
}
