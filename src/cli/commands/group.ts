import type { Command } from 'commander'
import { type HomeOption, withClient } from '../connect.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption } from '../options.ts'
import { groupsPath, listGroups, listUsers, requireGroup, requireUser, type UserGroup } from '../people.ts'
import { createTerminal } from '../terminal.ts'
import { counted } from '../text.ts'

interface Flags extends HomeOption {
  readonly format: 'table' | 'json'
}

export function addGroup(program: Command, host: CliHost): void {
  const group = program.command('group').description('groups of users, for roles').helpCommand(false)
  group
    .command('list')
    .description('list groups with their members')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice group list')
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const [groups, users] = [await listGroups(client), await listUsers(client)]
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json(groups)
        const names = new Map(users.map((user) => [user.id, user.name]))
        terminal.table(
          [{ title: 'name' }, { title: 'members' }, { title: 'id' }],
          groups.map((one) => [
            one.name,
            one.members.map((member) => names.get(member) ?? member).join(', '),
            one.id,
          ]),
        )
      }),
    )
  group
    .command('create <name>')
    .description('make a group')
    .option('--user <user...>', 'its members, by name, e-mail address or id', [])
    .addOption(homeOption())
    .addHelpText('after', "\nExamples:\n  sluice group create 'Data team' --user ann@example.com")
    .action((name: string, flags: HomeOption & { user: string[] }) =>
      withClient(host, flags, async (client) => {
        const members: string[] = []
        for (const user of flags.user) members.push((await requireUser(client, user)).id)
        const made = await client.post<UserGroup>(groupsPath, { name, members })
        createTerminal(host).line(`Made the group ${name} (${made.id}).`)
      }),
    )
  group
    .command('change <name>')
    .description('add users to a group, or take them out')
    .option('--add <user...>', 'by name, e-mail address or id', [])
    .option('--remove <user...>', 'by name, e-mail address or id', [])
    .addOption(homeOption())
    .addHelpText('after', "\nExamples:\n  sluice group change 'Data team' --add bob@example.com")
    .action((name: string, flags: HomeOption & { add: string[]; remove: string[] }) =>
      withClient(host, flags, async (client) => {
        const found = await requireGroup(client, name)
        const idsOf = async (names: readonly string[]) => {
          const ids: string[] = []
          for (const one of names) ids.push((await requireUser(client, one)).id)
          return ids
        }
        const change = { add: await idsOf(flags.add), remove: await idsOf(flags.remove) }
        await client.call('PATCH', `${groupsPath}/${found.id}/members`, change)
        const { members } = await requireGroup(client, found.id)
        createTerminal(host).line(`The group ${found.name} has ${counted(members.length, 'member')}.`)
      }),
    )
  group
    .command('delete <name>')
    .description('delete a group; the rights it gave end at once')
    .addOption(homeOption())
    .addHelpText('after', "\nExamples:\n  sluice group delete 'Data team'")
    .action((name: string, flags: HomeOption) =>
      withClient(host, flags, async (client) => {
        const found = await requireGroup(client, name)
        await client.call('DELETE', `${groupsPath}/${found.id}`)
        createTerminal(host).line(`Deleted the group ${found.name}.`)
      }),
    )
}
