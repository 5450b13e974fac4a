/**
 * Which way the arrows point. Everything is resolved to source, so a rule sees the same files as the type checker.
 * scripts/test/dependency-rules.ts breaks each rule once.
 */

/** What the source of a package may import of the others. Below protocol there is nothing; the rest is the domain. */
const MAY_IMPORT = {
  conformance: ['protocol'],
  keys: ['protocol'],
  codecs: ['protocol'],
  metrics: ['protocol'],
  memory: ['protocol'],
  redis: ['protocol'],
  testkit: ['protocol'],
  tiered: ['protocol', 'keys', 'codecs', 'metrics', 'memory'],
  config: ['protocol', 'keys', 'codecs', 'metrics', 'memory', 'redis', 'tiered'],
  'fastify-cache': ['protocol', 'keys', 'codecs', 'metrics', 'memory', 'redis', 'tiered', 'config']
}
const DOMAIN_MAY_IMPORT = ['protocol', 'keys']

const any = names => `(?:${names.join('|')})`
const npm = names => `(?:^|/)node_modules/${any(names)}/|^${any(names)}(?:/|$)`

function arrow(folder, allowed) {
  return {
    name: `arrows-of-${folder}`,
    comment: `packages/${folder} may import ${allowed.join(', ')}.`,
    severity: 'error',
    from: { path: `^packages/${folder}/src/` },
    to: { path: '^packages/', pathNot: `^packages/${any([folder, ...allowed])}/` }
  }
}

export default {
  forbidden: [
    ...Object.entries(MAY_IMPORT).map(([folder, allowed]) => arrow(folder, allowed)),
    {
      name: 'arrows-of-the-domain',
      comment: 'A package of the domain imports protocol and keys, and is handed the rest.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/', pathNot: `^packages/${any(['protocol', ...Object.keys(MAY_IMPORT)])}/` },
      to: { path: '^packages/', pathNot: `^packages/${any(['$1', ...DOMAIN_MAY_IMPORT])}/` }
    },
    {
      name: 'protocol-imports-nobody',
      comment: 'The port has no dependency, not even on Node.',
      severity: 'error',
      from: { path: '^packages/protocol/src/' },
      to: { pathNot: '^packages/protocol/src/' }
    },
    {
      name: 'redis-is-loaded-on-demand',
      comment: 'Who composes the adapters imports the Redis one with import(), when Redis is configured.',
      severity: 'error',
      from: { path: '^packages/(?:config|fastify-cache)/src/' },
      to: { path: '^packages/redis/', dependencyTypesNot: ['dynamic-import', 'type-only'] }
    },
    {
      name: 'packages-do-not-know-apps',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^apps/' }
    },
    {
      name: 'public-exports-only',
      comment: 'Another package or app is imported by its name, so by what it exports.',
      severity: 'error',
      from: { path: '^((?:packages|apps)/[^/]+)/' },
      to: { path: '^(?:packages|apps)/', pathNot: '^$1/', dependencyTypes: ['local'] }
    },
    {
      name: 'tests-stay-out-of-src',
      comment: 'What is published or deployed never imports tests, the conformance suite or the testkit.',
      severity: 'error',
      from: { path: '^(?:packages|apps)/([^/]+)/src/' },
      to: {
        path: '^packages/(?:conformance|testkit)/|^(?:packages|apps)/[^/]+/test|^scripts/',
        pathNot: '^packages/$1/src/'
      }
    },
    {
      name: 'no-dev-dependency-in-src',
      comment: 'A dependency of src is one of the package: dependencies or peerDependencies, not devDependencies.',
      severity: 'error',
      from: { path: '^(?:packages|apps)/[^/]+/src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'npm-peer', 'npm-optional'] }
    },
    {
      name: 'only-redis-knows-redis',
      severity: 'error',
      from: { path: '^(?:packages|apps)/[^/]+/src/', pathNot: '^packages/(?:redis|testkit)/' },
      to: { path: npm(['ioredis', 'redis', 'iovalkey', '@fastify/redis', 'cluster-key-slot']) }
    },
    {
      name: 'only-plugins-know-fastify',
      comment: 'fastify-cache, and in the other packages the entry point ./fastify.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: '^packages/(?:fastify-cache/|[^/]+/src/fastify)' },
      to: { path: npm(['fastify', 'fastify-plugin', '@fastify/[^/]+']) }
    },
    {
      name: 'app-domain-imports-nobody',
      comment: 'domain <- application <- infrastructure, presentation.',
      severity: 'error',
      from: { path: '^(apps/[^/]+/src/domain)/' },
      to: { pathNot: '^$1/' }
    },
    {
      name: 'app-application-imports-domain',
      comment: 'domain <- application <- infrastructure, presentation.',
      severity: 'error',
      from: { path: '^(apps/[^/]+/src)/application/' },
      to: { path: '^apps/', pathNot: '^$1/(?:application|domain)/' }
    },
    {
      name: 'app-application-knows-no-technology',
      comment: 'The application layer is handed its database and its cache, and does not know how it is served.',
      severity: 'error',
      from: { path: '^apps/[^/]+/src/application/' },
      to: { path: npm(['fastify', '@fastify/[^/]+', 'fastify-plugin', 'kysely', 'pg', '@electric-sql/pglite', 'pino']) }
    },
    {
      name: 'app-outer-layers-do-not-meet',
      comment: 'infrastructure and presentation meet in the composition root only, and import inwards.',
      severity: 'error',
      from: { path: '^(apps/[^/]+/src)/(infrastructure|presentation)/' },
      to: { path: '^apps/', pathNot: '^$1/(?:$2|application|domain)/' }
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(?:^|/)dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@dashtam/source', 'import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json']
    }
  }
}
