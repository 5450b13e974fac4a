// What does a decision cost that is cached, against the enforcer that makes it?
import { createAuthorizationCache } from '@dashtam/authorization-cache'
import { dashtamFamilies, defineKeys } from '@dashtam/cache-keys'
import { createReadThrough } from '@dashtam/cache-tiered'
import { newEnforcer, newModelFromString, StringAdapter } from 'casbin'
import { compare, printMachine } from './compare.ts'

const MODEL = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act
`
const USERS = 1_000
const OPERATIONS = 5_000

/** Ten roles with ten permissions each, a role for each user. */
const policy = [
  ...Array.from({ length: 100 }, (_, rule) => `p, role${Math.floor(rule / 10)}, resource${rule % 10}, read`),
  ...Array.from({ length: USERS }, (_, user) => `g, user${user}, role${user % 10}`)
].join('\n')
const createEnforcer = () => newEnforcer(newModelFromString(MODEL), new StringAdapter(policy))
const keys = defineKeys({ prefix: 'bench', secret: 'a secret of at least 32 characters' }, dashtamFamilies)
const cache = createReadThrough({ keyspace: 'bench', memory: { maxEntries: 20_000 } })
const authorization = createAuthorizationCache({ cache, keys, createEnforcer })
const enforcer = await createEnforcer()
const checkAt = (index: number) => ({
  userId: `user${index % USERS}`,
  resource: `resource${index % 10}`,
  action: 'read'
})
printMachine('none')

const round = (isAllowed: (check: ReturnType<typeof checkAt>) => Promise<boolean>) => async () => {
  let allowed = 0
  for (let index = 0; index < OPERATIONS; index++) if (await isAllowed(checkAt(index))) allowed++
  return allowed
}
for (let index = 0; index < 3 * USERS; index++) await authorization.isAllowed(checkAt(index))
await compare({
  title: 'a check, 1,000 users, ten roles, 100 rules',
  operations: OPERATIONS,
  expected: OPERATIONS,
  atLeast: 20,
  rounds: 10,
  contenders: [
    {
      name: "Casbin's enforcer",
      round: round(({ userId, resource, action }) => enforcer.enforce(userId, resource, action))
    },
    { name: 'isAllowed, cached', round: round(check => authorization.isAllowed(check)) }
  ]
})
await cache.close()
