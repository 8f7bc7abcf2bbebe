import { Readable, Writable } from 'node:stream'
import { runCli } from '../../src/cli/cli.ts'
import { findDelivered, verifyDelivered } from '../../src/delivered.ts'
import type { Ran } from './sluice.ts'

/** Runs a command line in this process, against a server that runs on the home: far cheaper than a process each. */
export async function command(args: readonly string[]): Promise<Ran> {
  const said = { out: '', err: '' }
  const into = (stream: keyof typeof said) =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        said[stream] += chunk.toString()
        done()
      },
    })
  const notHere = () => Promise.reject(new Error('This test has a server running.'))
  const code = await runCli(args, {
    version: '0',
    env: {},
    cwd: process.cwd(),
    stdin: Readable.from([]),
    stdout: into('out'),
    stderr: into('err'),
    signal: new AbortController().signal,
    root: '',
    serve: notHere,
    verify: verifyDelivered,
    findRestorable: findDelivered,
    deliveredValues: notHere,
    restore: notHere,
    rotateCredentials: notHere,
  })
  return { code, ...said }
}
