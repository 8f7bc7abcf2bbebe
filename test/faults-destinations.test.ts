import { faultsAtDestinations } from './support/destination-faults.ts'

// Every other point is tried on a local folder, and in one process on each kind of destination.
faultsAtDestinations(['export.complete.middle'])
