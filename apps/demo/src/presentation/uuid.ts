import { Type } from 'typebox'

/** Not `format: 'uuid'`, which lets `urn:uuid:…` through. */
export const Uuid = Type.String({
  pattern: '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$',
  description: 'A UUID'
})
