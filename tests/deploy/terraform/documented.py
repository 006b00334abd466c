"""The provider's documented arguments of the resources we use, and when each was documented first.

Read from docs/resources/ of huaweicloud/terraform-provider-huaweicloud at every release from 1.19.1
to 1.97.1. A line is `name=version`, or `name!=version` for a required argument; blocks have tables
of their own. The provider's documents hold no provider versions, so an argument of a later release
cannot be distinguished from a wrong name without this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Version = tuple[int, ...]


class Argument(NamedTuple):
    """One documented argument; `block` holds the arguments of a block."""

    required: bool
    since: Version
    block: Mapping[str, Argument] | None = None


Arguments = Mapping[str, Argument]


def version(text: str) -> Version:
    """Return a version as numbers, to be compared."""
    return tuple(map(int, text.split(".")))


def _arguments(text: str, **blocks: Arguments) -> Arguments:
    table = {}
    for word in text.split():
        name, _, since = word.partition("=")
        bare = name.rstrip("!")
        table[bare] = Argument(name.endswith("!"), version(since), blocks.get(bare))
    return table


RESOURCES: dict[str, Arguments] = {
    "huaweicloud_fgs_function": _arguments(
        """
        name!=1.19.1 memory_size!=1.19.1 runtime!=1.19.1 timeout!=1.19.1 app!=1.24.0
        code_type!=1.19.1 handler!=1.19.1 description=1.19.1 functiongraph_version=1.35.0
        func_code=1.19.1 code_url=1.19.1 code_filename=1.19.1 depend_list=1.25.0
        user_data=1.19.1 encrypted_user_data=1.31.1 agency=1.24.0 app_agency=1.25.0
        initializer_handler=1.25.0 initializer_timeout=1.25.0 enterprise_project_id=1.25.0
        vpc_id=1.47.0 network_id=1.47.0 dns_list=1.55.0 mount_user_id=1.25.0
        mount_user_group_id=1.25.0 func_mounts=1.25.0 custom_image=1.40.2
        max_instance_num=1.51.0 versions=1.53.0 tags=1.51.0 enable_lts_log=1.75.2
        log_group_id=1.56.0 log_group_name=1.56.0 log_stream_id=1.56.0
        log_stream_name=1.56.0 reserved_instances=1.62.0 concurrency_num=1.63.0
        gpu_type=1.63.0 gpu_memory=1.63.0 enable_dynamic_memory=1.73.1
        is_stateful_function=1.73.1 network_controller=1.73.1 peering_cidr=1.73.1
        enable_auth_in_header=1.73.2 enable_class_isolation=1.73.2 ephemeral_storage=1.73.2
        heartbeat_handler=1.73.2 restore_hook_handler=1.73.2 restore_hook_timeout=1.73.2
        lts_custom_tag=1.73.7 user_data_encrypt_kms_key_id=1.75.2
        code_encrypt_kms_key_id=1.75.2
        """,
        func_mounts=_arguments(
            """
            mount_type!=1.25.0 mount_resource!=1.25.0 mount_share_path!=1.25.0
            local_mount_path!=1.25.0
            """
        ),
        custom_image=_arguments(
            """
            url!=1.40.2 command=1.63.0 args=1.63.0 working_dir=1.63.0
            """
        ),
        versions=_arguments(
            """
            name!=1.53.0 description=1.73.1 aliases=1.53.0
            """,
            aliases=_arguments(
                """
                name!=1.53.0 description=1.53.0 additional_version_weights=1.73.1
                additional_version_strategy=1.73.1
                """
            ),
        ),
        reserved_instances=_arguments(
            """
            qualifier_type!=1.62.0 qualifier_name!=1.62.0 count!=1.62.0 idle_mode=1.62.0
            tactics_config=1.62.0
            """,
            tactics_config=_arguments(
                """
                cron_configs=1.62.0 metric_configs=1.62.0
                """,
                cron_configs=_arguments(
                    """
                    name!=1.62.0 cron!=1.62.0 count!=1.62.0 start_time!=1.62.0
                    expired_time!=1.62.0
                    """
                ),
                metric_configs=_arguments(
                    """
                    name!=1.62.0 type!=1.62.0 threshold!=1.62.0 min!=1.62.0
                    """
                ),
            ),
        ),
        network_controller=_arguments(
            """
            trigger_access_vpcs=1.73.1 disable_public_network=1.73.1
            """,
            trigger_access_vpcs=_arguments(
                """
                vpc_id=1.73.1 vpc_name=1.75.3
                """
            ),
        ),
    ),
    "huaweicloud_fgs_async_invoke_configuration": _arguments(
        """
        function_urn!=1.47.0 max_async_event_age_in_seconds!=1.47.0
        max_async_retry_attempts!=1.47.0 on_success=1.47.0 on_failure=1.47.0
        enable_async_status_log=1.47.0
        """,
        on_success=_arguments(
            """
            destination!=1.47.0 param!=1.47.0
            """
        ),
        on_failure=_arguments(
            """
            destination!=1.47.0 param!=1.47.0
            """
        ),
    ),
    "huaweicloud_fgs_function_trigger": _arguments(
        """
        function_urn!=1.62.1 type!=1.62.1 event_data!=1.62.1 status=1.62.1
        cascade_delete_eg_subscription=1.78.1
        """
    ),
    "huaweicloud_identity_role": _arguments(
        """
        name!=1.20.2 description!=1.20.2 type!=1.20.2 policy!=1.20.2
        """
    ),
    "huaweicloud_identity_agency": _arguments(
        """
        name!=1.19.2 delegated_domain_name!=1.19.2 description=1.19.2 duration=1.22.0
        project_role=1.19.2 domain_roles=1.47.0 all_resources_roles=1.49.0
        enterprise_project_roles=1.80.1 force_dissociate_v5_policies=1.88.0
        """,
        project_role=_arguments(
            """
            project!=1.19.2 roles!=1.19.2
            """
        ),
        enterprise_project_roles=_arguments(
            """
            enterprise_project!=1.80.1 roles!=1.80.1
            """
        ),
    ),
    "huaweicloud_smn_topic": _arguments(
        """
        name!=1.19.1 display_name=1.19.1 users_publish_allowed=1.50.0
        services_publish_allowed=1.50.0 introduction=1.50.0 enterprise_project_id=1.27.0
        tags=1.36.0
        """
    ),
    "huaweicloud_smn_subscription": _arguments(
        """
        topic_urn!=1.19.1 protocol!=1.19.1 endpoint!=1.19.1 remark=1.19.1 extension=1.56.1
        """,
        extension=_arguments(
            """
            client_id=1.56.1 client_secret=1.56.1 keyword=1.56.1 sign_secret=1.56.1
            header=1.75.2
            """
        ),
    ),
    "huaweicloud_ces_alarmrule": _arguments(
        """
        alarm_name!=1.19.1 metric!=1.19.1 alarm_template_id=1.73.4 condition=1.19.1
        resources=1.47.1 alarm_description=1.19.1 alarm_enabled=1.19.1 alarm_type=1.24.0
        alarm_actions=1.19.1 ok_actions=1.19.1 alarm_action_enabled=1.19.1
        notification_begin_time=1.45.1 notification_end_time=1.45.1
        effective_timezone=1.77.0 enterprise_project_id=1.25.0
        """,
        metric=_arguments(
            """
            namespace!=1.19.1
            """
        ),
        condition=_arguments(
            """
            period!=1.19.1 filter!=1.19.1 comparison_operator!=1.19.1 value!=1.19.1
            count!=1.19.1 unit=1.19.1 suppress_duration=1.35.0 metric_name!=1.45.1
            alarm_level=1.45.1
            """
        ),
        resources=_arguments(
            """
            dimensions=1.47.1
            """,
            dimensions=_arguments(
                """
                name!=1.19.1 value=1.19.1
                """
            ),
        ),
        alarm_actions=_arguments(
            """
            type!=1.19.1 notification_list!=1.19.1
            """
        ),
        ok_actions=_arguments(
            """
            type!=1.19.1 notification_list!=1.19.1
            """
        ),
    ),
    "huaweicloud_lts_group": _arguments(
        """
        group_name!=1.19.1 ttl_in_days!=1.19.1 tags=1.55.0 enterprise_project_id=1.71.0
        """
    ),
    "huaweicloud_lts_stream": _arguments(
        """
        group_id!=1.19.1 stream_name!=1.19.1 ttl_in_days=1.55.0 enterprise_project_id=1.55.0
        tags=1.66.0 is_favorite=1.73.7
        """
    ),
    "huaweicloud_lts_keywords_alarm_rule": _arguments(
        """
        name!=1.56.0 keywords_requests!=1.56.0 frequency!=1.56.0 alarm_level!=1.56.0
        description=1.56.0 send_notifications=1.56.0 alarm_action_rule_name=1.73.9
        notification_save_rule=1.73.9 trigger_condition_count=1.56.0
        trigger_condition_frequency=1.56.0 send_recovery_notifications=1.56.0
        recovery_frequency=1.56.0 alarm_rule_alias=1.73.9 notification_frequency=1.73.9
        status=1.56.0
        """,
        keywords_requests=_arguments(
            """
            keywords!=1.56.0 condition!=1.56.0 number!=1.56.0 log_stream_id!=1.56.0
            log_group_id!=1.56.0 search_time_range_unit!=1.56.0
            search_time_range!=1.56.0 log_group_name=1.73.9 log_stream_name=1.73.9
            """
        ),
        frequency=_arguments(
            """
            type!=1.56.0 cron_expression=1.56.0 hour_of_day=1.56.0 day_of_week=1.56.0
            fixed_rate_unit=1.56.0 fixed_rate=1.56.0
            """
        ),
        notification_save_rule=_arguments(
            """
            template_name!=1.56.0 user_name!=1.56.0 topics!=1.56.0 timezone=1.56.0
            language=1.56.0
            """,
            topics=_arguments(
                """
                name!=1.56.0 topic_urn!=1.56.0 display_name=1.56.0
                push_policy=1.56.0
                """
            ),
        ),
    ),
}
META = frozenset({"count", "for_each", "depends_on", "provider", "lifecycle"})
"""Arguments of Terraform itself, which every resource takes."""
