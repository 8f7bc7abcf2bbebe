/**
 * Node's HTTP modules. To import them reads all that they export, and of `node:http` that loads an HTTP client of another
 * kind: a tenth of a second of each start, of the server and of each command.
 */
export const http = process.getBuiltinModule('node:http')
export const https = process.getBuiltinModule('node:https')
