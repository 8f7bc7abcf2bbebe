import type { Product, Store } from './world.ts'

/** A customer, known by a number; some had another number once. */
export interface Customer {
  readonly index: number
  readonly number: string
  readonly earlierNumber?: string
  readonly mergedAt?: number
  readonly firstName: string
  readonly lastName: string
  readonly city: string
  readonly level: 'basic' | 'silver' | 'gold'
  readonly account?: Account
}

export interface Account {
  readonly id: string
  readonly name: string
  readonly industry: string
}

/** A device and who is known to use it. */
export interface Device {
  readonly ecid: string
  readonly owner?: Customer
}

export interface Order {
  readonly id: string
  readonly product: Product
  readonly quantity: number
}

export type Fact = Visit | Purchase | Call

/** An event of the web or the app. */
export interface Visit {
  readonly kind: 'visit'
  readonly id: string
  readonly surface: 'web' | 'app'
  readonly device: Device
  /** The number signed in with. */
  readonly signedIn?: string
  readonly at: number
  readonly receivedAt: number
  readonly isDoubled: boolean
  readonly isBot: boolean
  readonly type: 'page' | 'product' | 'cart' | 'order'
  readonly page: string
  readonly referrer?: string
  readonly order?: Order
}

export interface Purchase {
  readonly kind: 'purchase'
  readonly id: string
  readonly customer: Customer
  readonly at: number
  readonly store: Store
  readonly order: Order
}

export interface Call {
  readonly kind: 'call'
  readonly id: string
  readonly customer: Customer
  readonly at: number
  readonly reason: string
  readonly seconds: number
}
