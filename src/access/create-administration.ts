import type { Caller } from './access.ts'
import { type AdminOptions, createAdmin } from './administration.ts'
import { createCredentialAdmin } from './credential-admin.ts'
import { effectivePolicies } from './effective-policies.ts'
import { createPolicyAdmin } from './policy-admin.ts'
import { createPrincipalAdmin } from './principal-admin.ts'
import { createRoleAdmin } from './role-admin.ts'
import { createSandboxAdmin } from './sandbox-admin.ts'
import { createSqlLoginAdmin } from './sql-login-admin.ts'
import { createSubjectAdmin } from './subject-admin.ts'

export type Administration = ReturnType<typeof createAdministration>

/** Who there is, what they may do and what they prove themselves by. Each call asks the decision and is on record. */
export function createAdministration(options: AdminOptions) {
  const admin = createAdmin(options)
  return {
    ...createRoleAdmin(admin),
    ...createSubjectAdmin(admin),
    ...createPolicyAdmin(admin),
    ...createPrincipalAdmin(admin),
    ...createCredentialAdmin(admin),
    ...createSqlLoginAdmin(admin),
    ...createSandboxAdmin(admin),
    /** What of the entries the asker may do; for everybody, about himself. */
    effectivePolicies: (asker: Caller, entries: readonly string[]) =>
      effectivePolicies(options.metadata.db, asker, entries),
  }
}
