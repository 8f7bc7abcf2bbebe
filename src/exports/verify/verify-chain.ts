import type { Finding, FindingCode } from './finding.ts'
import { type SealedManifest, watermarkOf } from '../manifests/manifest.ts'

/** A manifest where it was found; what is only for readers of the files is left out: its text, and their statistics. */
export interface ChainLink {
  readonly name: string
  readonly sealed: Pick<SealedManifest, 'manifest' | 'sha256'>
}

/** A location may hold the chains of several exports and datasets; each in the order of its numbers, none empty. */
export function chainsOf(links: readonly ChainLink[]): ChainLink[][] {
  const chains = Map.groupBy(
    links,
    ({ sealed: { manifest } }) => `${manifest.exportId} ${manifest.datasetId}`,
  )
  return [...chains.values()].map((chain) =>
    chain.toSorted((one, other) => numberOf(one) - numberOf(other) || (one.name < other.name ? -1 : 1)),
  )
}

/** Whether a chain begins at its beginning, misses no link, branches nowhere and each link holds the one before. */
export function checkChain(chain: readonly ChainLink[]): Finding[] {
  return chain.flatMap((link, index) => checkLink(link, chain[index - 1]))
}

function checkLink(link: ChainLink, before: ChainLink | undefined): Finding[] {
  const { manifest } = link.sealed
  const { number, previous } = manifest.chain
  const error = (code: FindingCode, message: string): Finding => ({
    severity: 'error',
    code,
    name: link.name,
    message,
  })
  const warning = (code: FindingCode, message: string): Finding => ({
    ...error(code, message),
    severity: 'warning',
  })
  if ((number === 1) !== (previous === undefined))
    return [
      error('chain.broken', `Manifest ${number} ${previous ? 'names' : 'does not name'} a previous one.`),
    ]
  if (before && numberOf(before) === number)
    return [error('chain.fork', `Two manifests have the number ${number}; the other is ${before.name}.`)]
  if (!before || numberOf(before) !== number - 1) {
    const missing = before ? numberOf(before) + 1 : 1
    if (number === missing) return []
    const which =
      missing === number - 1 ? `manifest ${missing} is` : `manifests ${missing} to ${number - 1} are`
    if (!before && previous?.isElsewhere === true)
      return [warning('chain.elsewhere', `The chain came from another location: ${which} there.`)]
    return [error('chain.gap', `Before manifest ${number}, ${which} missing.`)]
  }
  const findings: Finding[] = []
  if (previous?.sha256 !== before.sealed.sha256)
    findings.push(
      error('chain.broken', `Manifest ${number} was written after another ${number - 1} than this one.`),
    )
  const earlier = before.sealed.manifest
  const { source } = manifest
  const { resetTo } = manifest.chain
  const ended = watermarkOf(earlier)
  const isSetBack = resetTo !== undefined && resetTo < ended
  if (isSetBack)
    findings.push(
      warning(
        'chain.reset',
        `The source was restored from a backup before manifest ${number}: it has lost what was delivered of the commits ${resetTo + 1} to ${ended}.`,
      ),
    )
  const stood = isSetBack ? resetTo : ended
  // What is delivered beside the increments leaves them where they stood.
  const begins =
    manifest.chain.watermark ?? (manifest.content === 'increment' ? source.afterSequence : undefined)
  if (begins !== undefined && begins !== stood) {
    findings.push(
      error(
        'chain.range',
        manifest.chain.watermark === undefined
          ? `The delivery begins after commit ${begins} and the one before ended with ${stood}.`
          : `The delivery moves the increments to commit ${begins}, and the one before left them at ${stood}.`,
      ),
    )
  }
  if (manifest.publicKey !== earlier.publicKey)
    findings.push(warning('key.changed', `From manifest ${number} on another key signs.`))
  return findings
}

export function numberOf(link: ChainLink): number {
  return link.sealed.manifest.chain.number
}
