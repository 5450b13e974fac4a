export type { CacheMetricsOptions, CacheMetricsSnapshot } from './cache-metrics.ts'
export { CacheMetrics, OTHER_NAMESPACE } from './cache-metrics.ts'
export type { LatencyBucket, LatencySnapshot, LatencyStats } from './latency-histogram.ts'
export { measured } from './measured.ts'
export type { MeasuredOptions } from './meter.ts'
export { DEFAULT_NAMESPACE } from './meter.ts'
export type {
  NamespaceRecorder,
  NamespaceSnapshot,
  NamespaceStats,
  OperationResult,
  OperationSnapshot,
  OperationStats
} from './namespace-recorder.ts'
