"""The arguments of the resources we use, from the provider's documentation; `!` marks required."""

from __future__ import annotations

Arguments = dict[str, "Arguments | None"]


def _words(text: str, **blocks: Arguments) -> Arguments:
    """Return the arguments of a text, and the blocks beside them; b_ begins required ones."""
    named = {f"{name[2:]}!" if name.startswith("b_") else name: one for name, one in blocks.items()}
    return {**dict.fromkeys(text.split()), **named}


_DESTINATION = _words("destination! param!")
_NOTIFICATION = _words("type! notification_list!")

RESOURCES: dict[str, Arguments] = {
    "huaweicloud_fgs_function": _words(
        """name! memory_size! runtime! timeout! app! code_type! handler! description
        functiongraph_version func_code code_url code_filename depend_list user_data
        encrypted_user_data agency app_agency initializer_handler initializer_timeout
        enterprise_project_id vpc_id network_id max_instance_num tags enable_lts_log log_group_id
        log_group_name log_stream_id log_stream_name concurrency_num enable_dynamic_memory"""
    ),
    "huaweicloud_fgs_async_invoke_configuration": _words(
        "function_urn! max_async_event_age_in_seconds! max_async_retry_attempts! "
        "enable_async_status_log",
        on_success=_DESTINATION,
        on_failure=_DESTINATION,
    ),
    "huaweicloud_fgs_function_trigger": _words("function_urn! type! event_data! status"),
    "huaweicloud_identity_role": _words("name! description! type! policy!"),
    "huaweicloud_identity_agency": _words(
        "name! description delegated_domain_name delegated_service_name duration domain_roles",
        project_role=_words("project! roles!"),
    ),
    "huaweicloud_smn_topic": _words(
        """name! display_name users_publish_allowed services_publish_allowed introduction
        enterprise_project_id tags"""
    ),
    "huaweicloud_smn_subscription": _words("topic_urn! protocol! endpoint! remark"),
    "huaweicloud_ces_alarmrule": _words(
        "alarm_name! alarm_description alarm_enabled alarm_type alarm_action_enabled",
        b_metric=_words("namespace!"),
        b_condition=_words(
            """period! filter! comparison_operator! value! count! unit suppress_duration
                metric_name! alarm_level"""
        ),
        resources={"dimensions": _words("name! value")},
        alarm_actions=_NOTIFICATION,
        ok_actions=_NOTIFICATION,
    ),
    "huaweicloud_lts_group": _words("group_name! ttl_in_days! tags"),
    "huaweicloud_lts_stream": _words("group_id! stream_name! ttl_in_days tags"),
    "huaweicloud_lts_keywords_alarm_rule": _words(
        """name! alarm_level! description send_notifications alarm_action_rule_name
        trigger_condition_count trigger_condition_frequency send_recovery_notifications
        recovery_frequency alarm_rule_alias notification_frequency status""",
        b_keywords_requests=_words(
            """keywords! condition! number! log_stream_id! log_group_id! log_group_name
                log_stream_name search_time_range_unit! search_time_range!"""
        ),
        b_frequency=_words(
            """type! cron_expression hour_of_day day_of_week fixed_rate_unit fixed_rate"""
        ),
        notification_save_rule=_words(
            "template_name! user_name! timezone language",
            b_topics=_words("name! topic_urn! display_name push_policy"),
        ),
    ),
}
META = _words("count for_each depends_on provider", lifecycle=_words("precondition"))
