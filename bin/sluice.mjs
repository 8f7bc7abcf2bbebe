#!/usr/bin/env node
// Starts Sluice on any Node from 18 on: installs what is missing, then hands over to the Node of this project.
import { spawn } from 'node:child_process'
import { projectNode } from '../scripts/bootstrap.mjs'

const { node, main, env } = projectNode()
const child = spawn(node, ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env,
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  console.error(`sluice could not start: ${error.message}`)
  process.exit(70)
})
child.on('exit', (code, signal) =>
  process.exit(signal ? 128 + ({ SIGINT: 2, SIGTERM: 15, SIGKILL: 9 }[signal] ?? 1) : (code ?? 70)),
)
