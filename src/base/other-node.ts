import { AppError } from './errors.ts'

/** For what lies in the home of one node and was asked of another. */
export function otherNode(what: string, nodeId: string): AppError {
  return new AppError('node.other', `${what} at another server.`, {
    hint: `Ask the server whose node is ${nodeId}: GET /sluice/v1/status says the node of each.`,
    detail: { node: nodeId },
  })
}
