locals {
  package = "${path.module}/../../dist/kafka-remediator-python${var.python}.zip"
  zip     = var.image == ""

  settings = merge(
    var.settings,
    {
      DRY_RUN                    = tostring(var.dry_run)
      HUAWEICLOUD_REGION         = var.region
      HUAWEICLOUD_SDK_PROJECT_ID = var.project_id
      ENABLED_ACTIONS            = join(",", sort(var.enabled_actions))
    },
    length(var.notify_on) == 0 ? {} : {
      NOTIFY_TOPIC_URN = huaweicloud_smn_topic.people.topic_urn
      NOTIFY_ON        = join(",", sort(var.notify_on))
    },
    local.zip ? {} : {
      FUNCTIONGRAPH_CONTAINER = "true"
    },
  )
}

resource "huaweicloud_fgs_function" "remediator" {
  name                  = var.name
  description           = "Restarts Kafka instances whose brokers are down, once, and only where that is right."
  app                   = "default"
  functiongraph_version = "v2"
  runtime               = local.zip ? "Python${var.python}" : "Custom Image"
  handler               = local.zip ? "index.handler" : "-"
  memory_size           = 256
  timeout               = 30

  # One at a time: an event sees what the event before it has begun.
  max_instance_num = "1"

  code_type     = local.zip ? "zip" : "Custom-Image-Swr"
  code_filename = local.zip ? "kafka-remediator.zip" : null
  func_code     = local.zip ? filebase64(local.package) : null

  dynamic "custom_image" {
    for_each = local.zip ? [] : [var.image]

    content {
      url = custom_image.value
    }
  }

  # Without it a container gets no keys of its agency. A zip gets them with each event.
  enable_auth_in_header = local.zip ? null : true

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

  lifecycle {
    precondition {
      condition     = var.log_alarm_user != "" || contains(var.notify_on, "needs_human")
      error_message = "No person would be notified of results that need a human: set log_alarm_user, or put needs_human into notify_on."
    }
  }
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
