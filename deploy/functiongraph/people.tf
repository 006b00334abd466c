# Every result event is one line here: what was done, or why not.
resource "huaweicloud_lts_group" "log" {
  group_name  = var.name
  ttl_in_days = 30
}

resource "huaweicloud_lts_stream" "log" {
  group_id    = huaweicloud_lts_group.log.id
  stream_name = "results"
}

# Not the topic of the alarms: a message about a failure must not come back as an event.
resource "huaweicloud_smn_topic" "people" {
  name         = "${var.name}-people"
  display_name = "Kafka remediator"
}

resource "huaweicloud_smn_subscription" "people" {
  for_each = var.people

  topic_urn = huaweicloud_smn_topic.people.topic_urn
  protocol  = "email"
  endpoint  = each.value
}

# The word needshuman stands in a result only where needs_human is true. The rule also sees what the
# function cannot publish itself, for example that its settings are wrong.
resource "huaweicloud_lts_keywords_alarm_rule" "needs_human" {
  count = var.log_alarm_user == "" ? 0 : 1

  name               = "${var.name}-needs-human"
  description        = "A result of the Kafka remediator needs a human."
  alarm_level        = "CRITICAL"
  send_notifications = true

  keywords_requests {
    keywords               = "needshuman"
    condition              = ">"
    number                 = 0
    log_group_id           = huaweicloud_lts_group.log.id
    log_stream_id          = huaweicloud_lts_stream.log.id
    search_time_range_unit = "minute"
    search_time_range      = 5
  }

  frequency {
    type            = "FIXED_RATE"
    fixed_rate_unit = "minute"
    fixed_rate      = 5
  }

  notification_save_rule {
    template_name = "keywords_template"
    user_name     = var.log_alarm_user
    language      = "en-us"

    topics {
      name         = huaweicloud_smn_topic.people.name
      topic_urn    = huaweicloud_smn_topic.people.topic_urn
      display_name = huaweicloud_smn_topic.people.display_name
      push_policy  = huaweicloud_smn_topic.people.push_policy
    }
  }
}
