import { Module } from '@nestjs/common'
import { ScheduleModule } from '@nestjs/schedule'
import { TypeOrmModule } from '@nestjs/typeorm'
import { JobEntity, JobSystemModule, JobTypeLockEntity } from '@millrace/nestjs/job-system'
import { FeatureModule } from './feature.module.ts'

// app.module.ts
@Module({
  imports: [
    ScheduleModule.forRoot(),
    TypeOrmModule.forRootAsync({
      name: 'app_data',
      useFactory: () => ({
        // @nestjs/typeorm 11 looks for it here when the application closes.
        name: 'app_data',
        type: 'postgres',
        url: process.env['APP_DATABASE_URL'] ?? '',
        synchronize: false,
        entities: [JobEntity, JobTypeLockEntity],
      }),
    }),
    // The tests do not wait half a minute for the jobs of a process that they killed, nor for all of its slots to be taken.
    JobSystemModule.forRoot({
      connectionName: 'app_data',
      leaseMs: Number(process.env['APP_LEASE_MS'] ?? 30_000),
      concurrency: Number(process.env['APP_CONCURRENCY'] ?? 10),
    }),
    FeatureModule,
  ],
})
export class AppModule {}
