import type { Access, Permission, Question } from './access.ts'

/** As `Access.require` where each of several permissions is enough; a denial names the last. */
export async function requireOne(
  access: Pick<Access, 'decide' | 'require'>,
  permissions: readonly [...Permission[], Permission],
  question: Omit<Question, 'permission'>,
): Promise<void> {
  for (const permission of permissions.slice(0, -1)) {
    if ((await access.decide({ ...question, permission })).isAllowed) return
  }
  await access.require({ ...question, permission: permissions.at(-1)! })
}
