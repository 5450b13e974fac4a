import type { FamilyStats } from '@dashtam/cache-protocol'

/** The numbers of a family while it counts. */
export class FamilyCounters implements FamilyStats {
  memoryHits = 0
  sharedHits = 0
  staleHits = 0
  misses = 0
  collapsed = 0
  errors = 0
  loads = 0
  loadErrors = 0
  loadTimeouts = 0
  refreshes = 0
  fenced = 0
  confirmed = 0
  unreadable = 0
  unstorable = 0
  degraded = 0
  invalidations = 0
  pending = 0
}
