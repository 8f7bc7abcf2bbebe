/** What the invented shop sells and where; the same for every seed. Prices are in cents. */
export const products = [
  { sku: 'SKU-1', name: 'Trail shoe', category: 'shoes', price: 8_990 },
  { sku: 'SKU-2', name: 'City boot', category: 'shoes', price: 12_900 },
  { sku: 'SKU-3', name: 'Rain coat', category: 'coats', price: 15_900 },
  { sku: 'SKU-4', name: 'Wool hat', category: 'small things', price: 2_490 },
  { sku: 'SKU-5', name: 'Socks', category: 'small things', price: 990 },
  { sku: 'SKU-6', name: 'Back pack', category: 'bags', price: 7_490 },
] as const
export type Product = (typeof products)[number]

/** All in one zone, whose days have 23 or 25 hours twice a year. */
export const zone = 'Europe/Berlin'
export const stores = [
  { id: 'STORE-1', city: 'Bremen' },
  { id: 'STORE-2', city: 'Köln' },
  { id: 'STORE-3', city: 'Leipzig' },
] as const
export type Store = (typeof stores)[number]

export const industries = ['schools', 'builders', 'clinics'] as const
export const callReasons = ['delivery', 'return', 'price', 'complaint'] as const
export const referrers = ['search', 'email', 'social', 'direct'] as const
export const botAgent = 'ExampleBot/1.0 (+https://bot.example)'
export const browserAgent = 'Mozilla/5.0 (X11; Linux x86_64)'
