import { AppError } from '#base/errors.ts'
import { rawView, type View } from '#schemas/view.ts'

/** What an Accept header of the registry asks for. */
interface MediaType {
  readonly isStandard: boolean
  readonly isV2: boolean
  readonly flags: ReadonlySet<string>
  readonly version: string | undefined
}

const grammar =
  /^application\/vnd\.adobe\.(xed|xdm)(-v2)?((?:-(?:id|link|full|notext|desc|flat|deprecated|deprecatedfield))*)\+json(?:\s*;\s*version\s*=\s*"?(\d+)(?:\.\d+)?"?)?$/i

const numbers = { list: '1006', lookUp: '1007', descriptorList: '1008' } as const

/** Absent or any: what a list or look-up gives by default. */
function mediaTypeOf(accept: string | undefined, where: keyof typeof numbers): MediaType | undefined {
  const offers = (accept ?? '').split(',').map((offer) => offer.trim())
  for (const offer of offers) {
    const found = grammar.exec(offer)
    if (found) {
      return {
        isStandard: found[1]?.toLowerCase() === 'xdm',
        isV2: found[2] !== undefined,
        flags: new Set((found[3] ?? '').toLowerCase().split('-').filter(Boolean)),
        version: found[4],
      }
    }
  }
  const isAny = (offer: string) =>
    offer === '' || /^(?:\*\/\*|application\/(?:\*|json))\s*(?:;.*)?$/i.test(offer)
  if (offers.some(isAny)) return undefined
  throw refused(where, `${JSON.stringify(offers[0]?.slice(0, 120))} is no media type of the registry`)
}

/** @throws AppError 'request.invalid' as XDM-1006 */
export function listView(accept: string | undefined): View {
  const asked = mediaTypeOf(accept, 'list')
  if (!asked) return { ...rawView, form: 'id' }
  const { flags } = asked
  if (asked.version !== undefined) throw refused('list', 'a list takes no version')
  if (asked.isV2 || [...flags].some((flag) => !['id', 'notext'].includes(flag))) {
    throw refused('list', 'a list takes xed-id, xed, xdm-id and xdm')
  }
  return {
    ...rawView,
    form: flags.has('id') ? 'id' : 'raw',
    notation: asked.isStandard ? 'standard' : 'compatible',
    withText: !flags.has('notext'),
  }
}

/** Without a version it is 1, the newest of it. @throws AppError 'request.invalid' as XDM-1007 */
export function lookUpView(accept: string | undefined): View {
  const asked = mediaTypeOf(accept, 'lookUp')
  if (!asked) return rawView
  const { flags, version } = asked
  if (version !== undefined && version !== '1')
    throw refused('lookUp', `there is no version ${version}, only 1`)
  if (asked.isV2 || flags.has('id') || flags.has('link')) {
    throw refused('lookUp', 'a look-up takes xed, xed-full, xdm, xdm-full, each with -notext, -desc, -flat')
  }
  const isDeprecatedShown = flags.has('deprecatedfield') || flags.has('deprecated')
  const isFull = flags.has('full') || flags.has('desc') || flags.has('flat') || flags.has('deprecatedfield')
  return {
    form: isFull ? 'full' : 'raw',
    notation: asked.isStandard ? 'standard' : 'compatible',
    withText: !flags.has('notext'),
    withDescriptors: flags.has('desc'),
    withDeprecated: isDeprecatedShown,
    isFlat: flags.has('flat'),
  }
}

export interface DescriptorListForm {
  /** By type, or one list with a page. */
  readonly isGrouped: boolean
  readonly entry: 'id' | 'link' | 'whole'
}

/** @throws AppError 'request.invalid' as XDM-1008 */
export function descriptorListForm(accept: string | undefined): DescriptorListForm {
  const asked = mediaTypeOf(accept, 'descriptorList')
  if (!asked) return { isGrouped: false, entry: 'whole' }
  const { flags } = asked
  if (asked.version !== undefined || [...flags].some((flag) => flag !== 'id' && flag !== 'link')) {
    throw refused('descriptorList', 'descriptors are listed as xdm, xdm-id, xdm-link and xdm-v2')
  }
  const entry = flags.has('id') ? 'id' : flags.has('link') ? 'link' : 'whole'
  // Documented clients list with the Accept they always send.
  return { isGrouped: asked.isStandard && !asked.isV2, entry }
}

function refused(where: keyof typeof numbers, why: string): AppError {
  return new AppError('request.invalid', `Accept: ${why}.`, {
    hint: 'Send application/vnd.adobe.xed+json; version=1 for a look-up, application/vnd.adobe.xed-id+json for a list.',
    detail: { registryCode: `XDM-${numbers[where]}-400` },
  })
}
