import { parseId, type PrincipalId, type SandboxId } from '#base/ids.ts'

const nobody = '00000000-0000-0000-0000-000000000000'

/** Whose runs the server's own upkeep is: nobody's. */
export const serverOwner: { readonly principalId: PrincipalId; readonly sandboxId: SandboxId } = {
  principalId: parseId('principal', nobody),
  sandboxId: parseId('sandbox', nobody),
}
