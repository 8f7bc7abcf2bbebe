import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { checkFolderTemplate, expandFolderTemplate, type TemplateValues } from './folder-template.ts'

const values: TemplateValues = {
  datasetId: '5ef3e3259ad2a1191ab7dd7d',
  datasetName: 'AAM Devices',
  destination: 'Local folder',
  flowId: '7a6e996c-0000-4000-8000-000000000000',
  flowName: 'nightly/../../feed',
  sandboxName: 'prod',
  organizationName: '5555467B5D8013E50A494220@AdobeOrg',
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
  ['%ORGANIZATION_NAME%', '5555467B5D8013E50A494220@AdobeOrg'],
])('%s becomes %s', (template, folder) => {
  expect(expandFolderTemplate(template, values)).toBe(folder)
})

test.each([
  '%NOPE%',
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
