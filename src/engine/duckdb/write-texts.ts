import { Socket } from 'node:net'
import { parentPort } from 'node:worker_threads'
import { must } from '#base/assert.ts'
import { writeTextFiles } from './text-files.ts'
import type { FromTexts, ToTexts } from './text-thread.ts'

// Entry of the thread that makes files of the lines in pipes.

const port = must(parentPort, 'this runs as a thread')
const say = (message: FromTexts): void => port.postMessage(message)
const pipes = new Map<number, Socket>()

port.on('message', (message: ToTexts) => {
  if (message.op === 'stop') pipes.get(message.copy)?.destroy()
  else void write(message)
})
port.postMessage(null) // Ready.

async function write({ copy, reader, form }: Extract<ToTexts, { op: 'write' }>): Promise<void> {
  const lines = new Socket({ fd: reader, readable: true, writable: false })
  pipes.set(copy, lines)
  try {
    const files = await writeTextFiles(lines, form, (rowCount) => say({ copy, kind: 'rows', rowCount }))
    say({ copy, kind: 'files', files })
  } catch (error) {
    say({ copy, kind: 'failure', error })
  } finally {
    lines.destroy() // Whoever writes on then fails.
    pipes.delete(copy)
  }
}
