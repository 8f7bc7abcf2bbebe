import { expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { checkFolderTemplate, expandFolderTemplate, type TemplateValues } from './folder-template.ts'

const values: TemplateValues = {
  datasetId: '5ef3e3259ad2a1191ab7dd7d',
  datasetName: 'AAM Devices',
  destination: 'local',
  flowId: '7a6e996c-0000-4000-8000-000000000000',
  flowName: 'nightly/../../feed',
  sandboxName: 'prod',
  organizationName: 'Acme & Söhne',
  exportAt: new Date('2026-03-01T14:05:09.007Z'),
}

test.each([
  ['%DATASET_ID%/%EXPORT_TIME%', '5ef3e3259ad2a1191ab7dd7d/exportTime=202603011405'],
  ['/', ''],
  ['', ''],
  ['/a//b/', 'a/b'],
  ['year=%DATETIME(YYYY)%/day=%DATETIME(yyyy-MM-dd_HHmmss)%', 'year=2026/day=2026-03-01_140509'],
  ['%DATETIME(YYYYMMdd_HHmmss.SSS)%', '20260301_140509.007'],
  ['%DESTINATION%-%SANDBOX_NAME%/%DATASET_NAME%', 'Local folder-prod/AAM Devices'],
  ['%DESTINATION_INSTANCE_NAME%', 'nightly_.._.._feed'],
  ['%ORGANIZATION_NAME%', 'Acme _ Söhne'],
  ['%DATETIME(YYYY/MM)%', '2026_03'],
])('%s becomes %s', (template, folder) => {
  expect(expandFolderTemplate(template, values)).toBe(folder)
})

test.each(['s3', 'gcs', 'azure'] as const)(
  'what the paths of %s have not is replaced in names',
  (destination) => {
    const template = '%DESTINATION%/%DATASET_NAME%-%ORGANIZATION_NAME%/ä %EXPORT_TIME%'
    const name = { s3: 'Amazon_S3', gcs: 'Google_Cloud_Storage', azure: 'Azure_Blob_Storage' }[destination]
    expect(expandFolderTemplate(template, { ...values, destination })).toBe(
      `${name}/AAM_Devices-Acme___S_hne/ä exportTime=202603011405`,
    )
  },
)

test.each([
  '%NOPE%',
  '%DATETIME(foo-yy-MMM-EEE)%',
  '%DATETIME(MMMM)%',
  '%DATETIME(YYYYMM-ddTHH)%',
  '%DATASET_ID',
  '100%',
  'a/../b',
  '..',
  'a\\b',
  'a\0b',
  '%DATETIME()%',
  '%constructor%',
  'x'.repeat(2_000),
])('%j is refused', (template) => {
  expect(() => checkFolderTemplate(template)).toThrow('/scheduleParams/foldernameTemplate')
})

test.each([
  ['x'.repeat(255), 'x'.repeat(200)],
  ['長'.repeat(255), '長'.repeat(66)],
  ['𠀀'.repeat(120), '𠀀'.repeat(50)],
])('a long name, %s, is cut to what a file system takes, between characters', (datasetName, folder) => {
  expect(expandFolderTemplate('%DATASET_NAME%', { ...values, datasetName })).toBe(folder)
})

test('whatever the names are, the folder stays below the location', () => {
  const names = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('..', '.', '/', '../..', ' .. '),
  )
  fc.assert(
    fc.property(names, names, (datasetName, flowName) => {
      const folder = expandFolderTemplate(
        '%DATASET_NAME%/%DESTINATION_INSTANCE_NAME%x/%DESTINATION_INSTANCE_NAME%',
        {
          ...values,
          datasetName,
          flowName,
        },
      )
      for (const part of folder.split('/')) {
        expect(part).toMatch(/^(?!\.)[^\\\p{Cc}]+$/u)
      }
      expect(folder.split('/')).toHaveLength(3)
    }),
  )
})
