import { Module } from '@nestjs/common'
import { getDataSourceToken } from '@nestjs/typeorm'
import { FeatureJobRegistrarService } from './feature-job-registrar.service.ts'
import { OrdersService } from './orders.ts'

// feature.module.ts
@Module({
  imports: [/* TypeOrmModule.forFeature(..., 'app_data'), other imports — not JobSystemModule */],
  providers: [
    FeatureJobRegistrarService /* domain services */,
    OrdersService,
    {
      provide: 'APP_DATA_SOURCE',
      useExisting: getDataSourceToken('app_data'),
    },
  ],
})
export class FeatureModule {}
