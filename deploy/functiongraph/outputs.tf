output "function_urn" {
  description = "The function, for huaweicloud_fgs_* resources of your own."
  value       = huaweicloud_fgs_function.remediator.urn
}

output "alarm_topic_urn" {
  description = "The topic that alarm rules of your own may notify, too."
  value       = huaweicloud_smn_topic.alarms.topic_urn
}

output "log_group" {
  description = "Where every result event is one line."
  value       = huaweicloud_lts_group.log.group_name
}
