export { registerCacheMetrics } from './prometheus/register-cache-metrics.ts'
export { registerReadThroughMetrics } from './prometheus/register-read-through-metrics.ts'
export type { PrometheusOptions } from './prometheus/scraped-metric.ts'
