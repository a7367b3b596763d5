import type { ReactNode } from 'react'
import type { JobRow } from '../src/wire.ts'
import { JobLink, Status, Time } from './parts.tsx'

/** Jobs as a table; on a phone each row is a card. */
export function JobsTable({ jobs, label }: { readonly jobs: readonly JobRow[]; readonly label: string }): ReactNode {
  return (
    <div className="scroll">
      <table className="cards" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Id</th>
            <th scope="col">Type</th>
            <th scope="col">Status</th>
            <th scope="col">Tags</th>
            <th scope="col" className="figure">
              Attempts
            </th>
            <th scope="col">Added</th>
            <th scope="col">Last error</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ job }: { readonly job: JobRow }): ReactNode {
  return (
    <tr>
      <td data-name="Id">
        <JobLink id={job.id} />
      </td>
      <td data-name="Type" className="name">
        {job.jobType}
        {job.groupId !== null && <span className="quiet"> {job.groupId}</span>}
      </td>
      <td data-name="Status">
        <Status job={job} />
        {job.status === 'processing' && job.progress !== null && <span className="quiet"> {job.progress} %</span>}
      </td>
      <td data-name="Tags">
        {job.tags.map((tag) => (
          <a key={tag} className="tag" href={`#/jobs?tag=${encodeURIComponent(tag)}`}>
            {tag}
          </a>
        ))}
      </td>
      <td data-name="Attempts" className="figure">
        {job.attempts}/{job.maxAttempts}
      </td>
      <td data-name="Added">
        <Time at={job.createdAt} />
      </td>
      <td data-name="Last error" className="error" title={job.error ?? undefined}>
        {job.error}
      </td>
    </tr>
  )
}
