// src/lib/my-job.ts, as the skill has it; of its imports only where they come from is changed.
import { getDb } from './db.ts';
import { acquireJobLock } from 'millrace';
import { JobExecutionEntity, JobType, JobStatus } from 'millrace/locks';
export async function runMyJob(): Promise<void> {
  const enabled = process.env.MY_JOB_ENABLED !== "false";
  if (!enabled) {
    console.log("[my-job] Disabled via MY_JOB_ENABLED");
    return;
  }
  const dataSource = await getDb();
  const lockResult = await acquireJobLock(dataSource, JobType.MY_JOB, {
    preCheck: async (manager) => {
      const existing = await manager.getRepository(JobExecutionEntity)
        .findOne({ where: { jobType: JobType.MY_JOB, status: JobStatus.SUCCESS, } });
      if (existing) return { skip: true, reason: "Already completed for this period" };
      return { skip: false };
    },
  });
  if (!lockResult.acquired) {
    console.log(`[my-job] Skipped: ${lockResult.reason}`);
    return;
  }
  const { jobExecution } = lockResult;
  try {
    jobExecution.status = JobStatus.SUCCESS;
    jobExecution.completedAt = new Date();
    const repo = dataSource.getRepository(JobExecutionEntity);
    await repo.save(jobExecution);
    console.log("[my-job] Completed successfully");
  } catch (error) {
    jobExecution.status = JobStatus.FAILURE;
    jobExecution.completedAt = new Date();
    jobExecution.errorMessage = error instanceof Error ? error.message : String(error);
    const repo = dataSource.getRepository(JobExecutionEntity);
    await repo.save(jobExecution);
    console.error("[my-job] Failed:", error);
  }
}
