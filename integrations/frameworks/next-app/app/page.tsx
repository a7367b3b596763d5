import type { ReactNode } from 'react'

export default function Page(): ReactNode {
  return <p>Jobs in a Next app: POST /api/mails, GET /api/jobs/status?id=1</p>
}
