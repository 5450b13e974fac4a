import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { CacheHealth } from './health.ts'
import type { CacheRoutes } from './options.ts'
import { Readiness, type ReadinessCheck } from './readiness.ts'

export interface RoutesContext {
  readonly routes: CacheRoutes
  readonly checks: Readonly<Record<string, ReadinessCheck>>
  readonly registry: Registry
  readonly health: () => Promise<CacheHealth>
}

/** Not part of the app's API: left out of an OpenAPI document, and quiet in the log. */
const OPERATIONAL = { schema: { hide: true }, logLevel: 'warn' } as const

export function addRoutes(app: FastifyInstance, { routes, checks, registry, health }: RoutesContext): void {
  const {
    health: healthPath = '/health',
    ready: readyPath = '/health/ready',
    metrics: metricsPath = '/metrics'
  } = routes

  // 200 in both cases: without its cache the app is slower, not out of order.
  if (healthPath !== false) {
    app.get(healthPath, OPERATIONAL, async () => {
      const state = await health()
      return { status: state.reason === undefined ? 'healthy' : 'degraded', ...state }
    })
  }

  if (readyPath !== false) {
    const readiness = new Readiness(checks, app.log)
    app.get(readyPath, OPERATIONAL, async (_request, reply) => {
      const failing = await readiness.failing()
      return failing.length === 0 ? { status: 'ready' } : reply.code(503).send({ status: 'unavailable', failing })
    })
  }

  if (metricsPath !== false) {
    app.get(metricsPath, OPERATIONAL, async (_request, reply) => {
      reply.type(registry.contentType)
      return registry.metrics()
    })
  }
}
