import { AppError } from '#base/errors.ts'
import { type DestinationKind, destinationSpecs } from '../destination-specs.ts'
import { placeForms } from './place-forms.ts'

export const defaultFolderTemplate = '%DATASET_ID%/%EXPORT_TIME%'

const templateCharactersMax = 1_000
const folderPartsMax = 20
/** File systems take names of 255. */
const partBytesMax = 200

/** What the macros of a folder template stand for. */
export interface TemplateValues {
  readonly datasetId: string
  readonly datasetName: string
  readonly destination: DestinationKind
  readonly flowId: string
  readonly flowName: string
  readonly sandboxName: string
  readonly organizationName: string
  /** The scheduled tick; of a run by hand, when it was asked for. */
  readonly exportAt: Date
}

const macros: Readonly<Record<string, (values: TemplateValues) => string>> = {
  DATASET_ID: (values) => values.datasetId,
  DATASET_NAME: (values) => values.datasetName,
  DESTINATION: (values) => destinationSpecs[values.destination].name,
  DESTINATION_NAME: (values) => destinationSpecs[values.destination].name,
  DESTINATION_INSTANCE_ID: (values) => values.flowId,
  DESTINATION_INSTANCE_NAME: (values) => values.flowName,
  SANDBOX_NAME: (values) => values.sandboxName,
  ORGANIZATION_NAME: (values) => values.organizationName,
  EXPORT_TIME: (values) => `exportTime=${formatTime('YYYYMMddHHmm', values.exportAt)}`,
}

const dateTime = /^DATETIME\(([A-Za-z0-9_.=+ :/-]{1,60})\)$/

/**
 * The folder of one run below the location, without `/` at its ends; empty for the location itself. Characters of
 * values that the destination's paths have not, or that make trouble in file names, become `_`.
 * @throws AppError 'flow.invalid' naming an unknown macro
 */
export function expandFolderTemplate(template: string, values: TemplateValues): string {
  const parts = parseTemplate(template).map((pieces) =>
    cut(pieces.map((piece) => (piece.kind === 'text' ? piece.text : piece.value(values))).join('')),
  )
  // Names that begin with a dot are hidden, or climb.
  return parts.map((part) => part.replace(/^\.+|^$/, '_')).join('/')
}

/** The characters at the beginning that have room, none of them halved. */
function cut(part: string): string {
  let bytes = 0
  let kept = ''
  for (const character of part) {
    bytes += Buffer.byteLength(character)
    if (bytes > partBytesMax) break
    kept += character
  }
  return kept
}

/** @throws AppError 'flow.invalid' */
export function checkFolderTemplate(template: string): void {
  parseTemplate(template)
  for (const name of template.split('%').filter((_piece, index) => index % 2 === 1)) checkTimePattern(name)
}

/** Flows that were saved before this was looked at go on, with letters as they are where they mean nothing. */
function checkTimePattern(name: string): void {
  const unknown = dateTime
    .exec(name)?.[1]
    ?.match(sameLetters)
    ?.find((letters) => !timeLetters.test(letters))
  if (unknown === undefined) return
  throw invalid(
    `has ${unknown} in the pattern of ${name.slice(0, 80)}, which is none of YYYY, yyyy, MM, dd, DD, HH, hh, mm, ss, SSS`,
  )
}

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'macro'; readonly value: (values: TemplateValues) => string }

/** Folders, each a list of pieces. */
function parseTemplate(template: string): Piece[][] {
  if (template.length > templateCharactersMax)
    throw invalid(`has more than ${templateCharactersMax} characters`)
  const pieces = template.split('%')
  if (pieces.length % 2 === 0) throw invalid('has a % without its partner')
  const folders: Piece[][] = [[]]
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 1) {
      folders.at(-1)?.push({ kind: 'macro', value: macro(piece) })
      continue
    }
    for (const [partIndex, text] of piece.split('/').entries()) {
      if (partIndex > 0) folders.push([])
      if (text !== '') folders.at(-1)?.push({ kind: 'text', text: checkedText(text) })
    }
  }
  const named = folders.filter((folder) => folder.length > 0)
  if (named.length > folderPartsMax) throw invalid(`has more than ${folderPartsMax} folders`)
  return named
}

function macro(name: string): (values: TemplateValues) => string {
  const known = Object.hasOwn(macros, name) ? macros[name] : undefined
  if (known) return name === 'EXPORT_TIME' ? known : (values) => safeText(known(values), values.destination)
  const pattern = dateTime.exec(name)?.[1]
  if (pattern !== undefined) {
    return (values) => formatTime(pattern, values.exportAt).replaceAll(/[:/]/g, '_')
  }
  throw invalid(
    `has the unknown macro %${name.slice(0, 60)}%; known are ${Object.keys(macros).join(', ')} and DATETIME(pattern)`,
  )
}

function checkedText(text: string): string {
  if (!/^[\p{L}\p{N} !_.*'()=+,@~-]+$/u.test(text) || /^\.+$/.test(text.trim()))
    throw invalid(`has the text ${JSON.stringify(text.slice(0, 60))}, which can't be part of a folder`)
  return text
}

function safeText(text: string, destination: DestinationKind): string {
  const others =
    'path' in placeForms[destination] ? /[^0-9a-zA-Z!_.*'()-]/gu : /[^\p{L}\p{N} !_.*'()=+,@~-]/gu
  return text.replaceAll(others, '_')
}

const sameLetters = /([A-Za-z])\1*/g
const timeLetters = /^(?:YYYY|yyyy|MM|dd|DD|HH|hh|mm|ss|SSS)$/

/** The letters of Java's patterns that stand for parts of a time, in UTC; YYYY is the calendar year. */
function formatTime(pattern: string, at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return pattern.replaceAll(sameLetters, (letters) => {
    switch (letters) {
      case 'YYYY':
      case 'yyyy':
        return String(at.getUTCFullYear())
      case 'MM':
        return two(at.getUTCMonth() + 1)
      case 'dd':
      case 'DD':
        return two(at.getUTCDate())
      case 'HH':
        return two(at.getUTCHours())
      case 'hh':
        return two(at.getUTCHours() % 12 || 12)
      case 'mm':
        return two(at.getUTCMinutes())
      case 'ss':
        return two(at.getUTCSeconds())
      case 'SSS':
        return String(at.getUTCMilliseconds()).padStart(3, '0')
      default:
        return letters
    }
  })
}

function invalid(what: string): AppError {
  return new AppError('flow.invalid', `/scheduleParams/foldernameTemplate ${what}.`, {
    detail: { field: '/scheduleParams/foldernameTemplate' },
  })
}
