import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Tells one process from a later one with the same number: undefined when there is no such process. The text is
 * only good for comparing on one machine.
 */
export function processBirth(pid: number): string | undefined {
  if (process.platform !== 'linux') return birthByPs(pid)
  try {
    // The name, second, may hold spaces and brackets; the start time is the 20th field after it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined // Dead, its parent has not looked yet.
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}/${fields[19]}`
  } catch {
    return undefined // No such file: no such process.
  }
}

function birthByPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return text === '' ? undefined : text
  } catch {
    return undefined // `ps` fails when there is no such process.
  }
}
