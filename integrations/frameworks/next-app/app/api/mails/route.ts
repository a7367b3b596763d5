import { queue } from '../../../lib/jobs.ts'

export async function POST(request: Request): Promise<Response> {
  return Response.json({ id: await queue.addJob({ jobType: 'mail', payload: await request.json() }) })
}
