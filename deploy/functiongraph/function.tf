locals {
  package = "${path.module}/../../dist/kafka-remediator-python${var.python}.zip"

  settings = merge(var.settings, {
    DRY_RUN                    = tostring(var.dry_run)
    HUAWEICLOUD_REGION         = var.region
    HUAWEICLOUD_SDK_PROJECT_ID = var.project_id
    ENABLED_ACTIONS            = join(",", sort(var.enabled_actions))
  })
}

resource "huaweicloud_fgs_function" "remediator" {
  name                  = var.name
  description           = "Restarts Kafka instances whose brokers are down, once, and only where that is right."
  app                   = "default"
  functiongraph_version = "v2"
  runtime               = "Python${var.python}"
  handler               = "index.handler"
  memory_size           = 256
  timeout               = 30

  # One at a time: what one event has begun, the next one sees.
  max_instance_num = "1"

  code_type     = "zip"
  code_filename = "kafka-remediator.zip"
  func_code     = filebase64(local.package)

  user_data           = jsonencode(local.settings)
  encrypted_user_data = length(var.secrets) > 0 ? jsonencode(var.secrets) : null

  # What the code may do, and what FunctionGraph itself may do for it.
  app_agency = huaweicloud_identity_agency.execution.name
  agency     = huaweicloud_identity_agency.configuration.name

  enable_lts_log  = true
  log_group_id    = huaweicloud_lts_group.log.id
  log_group_name  = huaweicloud_lts_group.log.group_name
  log_stream_id   = huaweicloud_lts_stream.log.id
  log_stream_name = huaweicloud_lts_stream.log.stream_name
}

# Only an event that failed and may be repeated raises, and every repetition reads the state anew.
resource "huaweicloud_fgs_async_invoke_configuration" "repetition" {
  function_urn                   = huaweicloud_fgs_function.remediator.urn
  max_async_retry_attempts       = 3
  max_async_event_age_in_seconds = 3600

  on_failure {
    destination = "SMN"
    param       = jsonencode({ topic_urn = huaweicloud_smn_topic.people.topic_urn })
  }
}
