import type { JobRequest } from './job.ts'
/** Something that must be refused with a typed error, or delivered as it is. */
export type BadJob = JobRequest
/** Payloads and fields as nobody should send them. Those that JSON can hold are deliverable; the rest is nonsense. */
export declare function badJobs(ref: string): readonly BadJob[]
//# sourceMappingURL=bad-jobs.d.ts.map
