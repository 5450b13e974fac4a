import type { PolicyEnforcer } from '@dashtam/authorization-cache'
import { newEnforcer, newModelFromString } from 'casbin'
import type { Kysely } from 'kysely'
import type { Role } from '../../domain/user.ts'

/** Role-based access control: whoever has a role has its permissions. */
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

const PERMISSIONS: readonly (readonly [role: Role, resource: string, action: string])[] = [
  ['admin', 'users', 'read'],
  ['admin', 'users', 'write'],
  ['admin', 'security', 'rotate'],
  ['auditor', 'users', 'read']
]

interface UserRoles {
  user_roles: { user_id: string; role: Role }
}

/** The permissions of roles, and who has which role as the database says now. */
export async function createEnforcer(db: Kysely<UserRoles>): Promise<PolicyEnforcer> {
  const enforcer = await newEnforcer(newModelFromString(MODEL))
  await enforcer.addPolicies(PERMISSIONS.map(rule => [...rule]))
  const roles = await db.selectFrom('user_roles').select(['user_id', 'role']).execute()
  if (roles.length > 0) await enforcer.addGroupingPolicies(roles.map(({ user_id, role }) => [user_id, role]))
  return enforcer
}
