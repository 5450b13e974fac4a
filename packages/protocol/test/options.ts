import { refuseUnknown, requireFunctions } from '@dashtam/cache-protocol/adapter'
import t from 'tap'

t.test('refuseUnknown() names what is not known, and what is', async t => {
  refuseUnknown({ a: 1 }, ['a', 'b'])
  t.throws(() => refuseUnknown({ c: 1 }, ['a', 'b']), new TypeError("unknown option 'c'; known are a, b"))
  t.throws(() => refuseUnknown({ c: 1 }, ['a'], 'codec'), new TypeError("unknown codec 'c'; known are a"))
})

t.test('requireFunctions() names the function that is missing, whatever it is given', async t => {
  requireFunctions('source', { find() {} }, ['find'])
  requireFunctions(
    'keys',
    Object.assign(() => '', { of() {} }),
    ['of']
  )
  for (const value of [undefined, null, 5, {}, { find: 1 }]) {
    t.throws(() => requireFunctions('source', value, ['find']), new TypeError('source must have the function find'))
  }
})
