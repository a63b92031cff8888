import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AnswerCacheFigures } from './answer-cache.js';

/** What is measured of a service, for Prometheus. */
export interface Metrics {
  /** An HTTP request was answered, or its client went away. */
  requested(path: string, status: number, seconds: number): void;
  /** Text in Prometheus' exposition format, and its content type. */
  exposition(): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** Measures the process, requests and kept answers. Names begin with `bucketql_`. */
export function makeMetrics(answers: () => AnswerCacheFigures): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'bucketql_' });
  const requests = new Histogram({
    name: 'bucketql_http_request_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['path', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  counter('hits', 'Answers that were kept from before and given again.');
  counter('misses', 'Answers that had to be made.');
  gauge('answers', 'Answers that are kept.');
  gauge('bytes', 'Memory of the answers that are kept.');

  function counter(figure: 'hits' | 'misses', help: string): void {
    new Counter({
      name: `bucketql_answer_cache_${figure}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(answers()[figure]);
      },
    });
  }

  function gauge(figure: 'answers' | 'bytes', help: string): void {
    new Gauge({
      name: `bucketql_answer_cache_${figure}`,
      help,
      registers: [registry],
      collect() {
        this.set(answers()[figure]);
      },
    });
  }

  return {
    requested(path, status, seconds) {
      requests.observe({ path, status }, seconds);
    },
    async exposition() {
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
  };
}
