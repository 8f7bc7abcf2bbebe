import type { SampleDataset } from '../sample.ts'
import {
  decimal,
  eventSchema,
  list,
  object,
  profileClass,
  recordSchema,
  text,
  texts,
  time,
  whole,
  type Xdm,
} from '../xdm.ts'

export const tables = {
  web: 'retail_web_events',
  app: 'retail_app_events',
  store: 'retail_store_purchases',
  calls: 'retail_calls',
  profiles: 'retail_profiles',
  links: 'retail_identity_links',
  products: 'retail_products',
  stores: 'retail_stores',
  accounts: 'retail_accounts',
  contacts: 'retail_account_contacts',
} as const

const record = 'https://ns.adobe.com/xdm/data/record'
const commerce = {
  commerce: object({ order: object({ purchaseID: text, priceTotal: decimal, currencyCode: text }) }),
  productListItems: list(object({ SKU: text, quantity: whole, priceTotal: decimal })),
}
const digital = {
  receivedTimestamp: time,
  channel: object(texts('typeAtSource')),
  environment: object({ browserDetails: object(texts('userAgent')) }),
  web: object({ webPageDetails: object(texts('name', 'URL')) }),
  ...commerce,
}

function events(
  name: string,
  table: string,
  description: string,
  fields: Readonly<Record<string, Xdm>>,
): SampleDataset {
  return { name, table, description, kind: 'events', schema: eventSchema(name, fields) }
}

function records(
  name: string,
  table: string,
  description: string,
  fields: Readonly<Record<string, Xdm>>,
  classId = record,
): SampleDataset {
  return {
    name,
    table,
    description,
    kind: 'records',
    schema: recordSchema(name, classId, { _id: text, ...fields }),
  }
}

export const retailDatasets: readonly SampleDataset[] = [
  events(
    'Retail web events',
    tables.web,
    'Visits of the shop, with late and doubled events and bots',
    digital,
  ),
  events('Retail app events', tables.app, 'Visits by the app', digital),
  events('Retail store purchases', tables.store, 'Tills of the stores', {
    ...commerce,
    placeContext: object(texts('storeID', 'localTime')),
    accountID: text,
  }),
  events('Retail calls', tables.calls, 'Calls to the service line', {
    call: object({ reason: text, seconds: whole }),
  }),
  records(
    'Retail profiles',
    tables.profiles,
    'Customers by their number',
    {
      ...texts('customerID', 'city', 'loyaltyLevel'),
      person: object({ name: object(texts('firstName', 'lastName')) }),
      personalEmail: object(texts('address')),
    },
    profileClass,
  ),
  records(
    'Retail identity links',
    tables.links,
    'Which devices and earlier numbers belong to which customer',
    {
      ...texts('namespace', 'identity', 'customerID'),
      linkedAt: time,
    },
  ),
  records('Retail products', tables.products, 'Lookup of products', {
    ...texts('SKU', 'name', 'category'),
    price: decimal,
  }),
  records('Retail stores', tables.stores, 'Lookup of stores', texts('storeID', 'city', 'zone')),
  records('Retail accounts', tables.accounts, 'Companies that buy', texts('accountID', 'name', 'industry')),
  records(
    'Retail account contacts',
    tables.contacts,
    'Who buys for which company',
    texts('accountID', 'customerID', 'role'),
  ),
]
