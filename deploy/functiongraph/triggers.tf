# Alarms of Cloud Eye, over a topic of their own.
resource "huaweicloud_smn_topic" "alarms" {
  name         = "${var.name}-alarms"
  display_name = "Alarms for the Kafka remediator"
}

resource "huaweicloud_ces_alarmrule" "broker_alive" {
  alarm_name           = "${var.name}-broker-alive"
  alarm_description    = "A Kafka broker is down. The Kafka remediator decides whether to restart its instance."
  alarm_type           = "ALL_INSTANCE"
  alarm_enabled        = true
  alarm_action_enabled = true

  metric {
    namespace = "SYS.DMS"
  }

  resources {
    dimensions {
      name = "kafka_instance_id"
    }

    dimensions {
      name = "kafka_broker"
    }
  }

  # Three minutes in a row. A repeat costs a look and is answered by the restart it finds.
  condition {
    metric_name         = "broker_alive"
    period              = 1
    filter              = "average"
    comparison_operator = "<"
    value               = 1
    count               = 3
    suppress_duration   = 1800
    alarm_level         = 1
  }

  alarm_actions {
    type              = "notification"
    notification_list = [huaweicloud_smn_topic.alarms.topic_urn]
  }

  # The end of an alarm tells whether the restart has helped.
  ok_actions {
    type              = "notification"
    notification_list = [huaweicloud_smn_topic.alarms.topic_urn]
  }
}

resource "huaweicloud_fgs_function_trigger" "alarms" {
  function_urn = huaweicloud_fgs_function.remediator.urn
  type         = "SMN"
  event_data   = jsonencode({ topic_urn = huaweicloud_smn_topic.alarms.topic_urn })
}

# Once a day: what breaks is said before the next alarm needs it. Reads only.
resource "huaweicloud_fgs_function_trigger" "check" {
  function_urn = huaweicloud_fgs_function.remediator.urn
  type         = "TIMER"
  status       = var.check_enabled ? "ACTIVE" : "DISABLED"
  event_data = jsonencode({
    name          = "${var.name}-check"
    schedule_type = "Cron"
    schedule      = var.check_schedule
    user_event    = jsonencode({ action = "check", reason = "scheduled check" })
  })
}

# Looks after restarts that no sender reports on, off until asked for. Reads only.
resource "huaweicloud_fgs_function_trigger" "verify" {
  function_urn = huaweicloud_fgs_function.remediator.urn
  type         = "TIMER"
  status       = var.verify_enabled ? "ACTIVE" : "DISABLED"
  event_data = jsonencode({
    name          = "${var.name}-verify"
    schedule_type = "Rate"
    schedule      = "15m" # VERIFY_PERIOD_SECONDS says the same, 900
    user_event    = jsonencode({ action = "verify", reason = "scheduled verify" })
  })
}

# The purge, off until asked for.
resource "huaweicloud_fgs_function_trigger" "purge" {
  function_urn = huaweicloud_fgs_function.remediator.urn
  type         = "TIMER"
  status       = var.purge_enabled ? "ACTIVE" : "DISABLED"
  event_data = jsonencode({
    name          = "${var.name}-purge"
    schedule_type = "Cron"
    schedule      = var.purge_schedule
    user_event    = jsonencode({ action = "purge_failed", reason = "scheduled purge" })
  })

  lifecycle {
    precondition {
      condition = !var.purge_enabled || (
        var.allow_deleting && contains(var.enabled_actions, "purge_failed")
      )
      error_message = "A purge needs allow_deleting = true, and purge_failed in enabled_actions."
    }
  }
}

# Webhooks, where there is a gateway. The function authenticates senders, so the gateway does not.
resource "huaweicloud_fgs_function_trigger" "webhooks" {
  count = var.api_gateway == null ? 0 : 1

  function_urn = huaweicloud_fgs_function.remediator.urn
  type         = "DEDICATEDGATEWAY"
  status       = "ACTIVE"
  event_data = jsonencode({
    name         = "${var.name}-webhooks"
    instance_id  = var.api_gateway.instance_id
    group_id     = var.api_gateway.group_id
    env_id       = "DEFAULT_ENVIRONMENT_RELEASE_ID"
    env_name     = "RELEASE"
    type         = 1
    backend_type = "FUNCTION"
    auth         = "NONE"
    protocol     = "HTTPS"
    req_method   = "ANY"
    path         = "/"
    match_mode   = "SWA"
    func_info    = { timeout = 6000 }
  })
}
