import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

const openapi: NonNullable<FastifyDynamicSwaggerOptions['openapi']> = {
  openapi: '3.1.0',
  info: {
    title: 'Dashtam',
    version: '1.0.0',
    description:
      'A small personal-finance service. Sign in as `demo@dashtam.example` with `dashtam-demo`, ' +
      'and see in `Cache-Status` (RFC 9211) where each answer comes from.'
  },
  components: {
    securitySchemes: {
      accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      session: { type: 'apiKey', in: 'cookie', name: 'session', description: 'Set when a browser signs in.' }
    }
  }
}

/** Describes the routes that are registered from here on, as a page at `/docs` and as JSON at `/docs/json`. */
export async function registerOpenApi(app: FastifyInstance): Promise<void> {
  const refResolver: NonNullable<FastifyDynamicSwaggerOptions['refResolver']> = {
    buildLocalReference: (schema, _baseUri, _fragment, counter) => String(schema.$id ?? `schema-${counter}`)
  }
  await app.register(swagger, { openapi, refResolver })
  await app.register(swaggerUi, { routePrefix: '/docs' })
}
