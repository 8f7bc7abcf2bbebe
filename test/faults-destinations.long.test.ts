import { faultsAtDestinations } from './support/destination-faults.ts'

faultsAtDestinations(['export.stage.middle', 'export.seal.after', 'export.manifest.before'])
