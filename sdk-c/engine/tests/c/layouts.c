/* Sizes and offsets as a C or C++ compiler sees them, in the form of abi/layouts.txt. */
#include <enos_engine.h>
#include <stddef.h>
#include <stdio.h>

#define SIZE(type) printf("%s %lu\n", #type, (unsigned long)sizeof(type))
#define FIELD(type, field) printf("  %s %lu\n", #field, (unsigned long)offsetof(type, field))

int main(void)
{
    SIZE(enos_str_t);
    FIELD(enos_str_t, ptr);
    FIELD(enos_str_t, len);
    SIZE(enos_array_t);
    FIELD(enos_array_t, items);
    FIELD(enos_array_t, count);
    SIZE(enos_struct_t);
    FIELD(enos_struct_t, fields);
    FIELD(enos_struct_t, count);
    SIZE(enos_as_t);
    SIZE(enos_value_t);
    FIELD(enos_value_t, type);
    FIELD(enos_value_t, quality);
    FIELD(enos_value_t, as);
    SIZE(enos_point_t);
    FIELD(enos_point_t, id);
    FIELD(enos_point_t, value);
    SIZE(enos_engine_now_t);
    FIELD(enos_engine_now_t, mono_ms);
    FIELD(enos_engine_now_t, wall_ms);
    SIZE(enos_engine_config_t);
    FIELD(enos_engine_config_t, size);
    FIELD(enos_engine_config_t, login);
    FIELD(enos_engine_config_t, hub);
    FIELD(enos_engine_config_t, product_key);
    FIELD(enos_engine_config_t, device_key);
    FIELD(enos_engine_config_t, secret);
    FIELD(enos_engine_config_t, stored_secret);
    FIELD(enos_engine_config_t, clean_session);
    FIELD(enos_engine_config_t, keep_alive_s);
    FIELD(enos_engine_config_t, in_flight);
    FIELD(enos_engine_config_t, dial_budget);
    FIELD(enos_engine_config_t, dial_window_s);
    FIELD(enos_engine_config_t, backoff_first_ms);
    FIELD(enos_engine_config_t, backoff_largest_ms);
    FIELD(enos_engine_config_t, sign_in_timeout_ms);
    FIELD(enos_engine_config_t, activation_timeout_ms);
    FIELD(enos_engine_config_t, pong_timeout_ms);
    FIELD(enos_engine_config_t, limit_receive);
    FIELD(enos_engine_config_t, limit_transmit);
    FIELD(enos_engine_config_t, limit_outbox);
    FIELD(enos_engine_config_t, limit_names);
    FIELD(enos_engine_config_t, limit_requests);
    FIELD(enos_engine_config_t, limit_calls);
    FIELD(enos_engine_config_t, limit_handlers);
    FIELD(enos_engine_config_t, limit_values);
    SIZE(enos_engine_dial_t);
    FIELD(enos_engine_dial_t, host);
    FIELD(enos_engine_dial_t, port);
    FIELD(enos_engine_dial_t, scheme);
    SIZE(enos_engine_transmit_t);
    FIELD(enos_engine_transmit_t, ptr);
    FIELD(enos_engine_transmit_t, len);
    SIZE(enos_engine_store_t);
    FIELD(enos_engine_store_t, product_key);
    FIELD(enos_engine_store_t, device_key);
    FIELD(enos_engine_store_t, device_secret);
    SIZE(enos_engine_wait_t);
    FIELD(enos_engine_wait_t, until_ms);
    SIZE(enos_engine_failure_t);
    FIELD(enos_engine_failure_t, status);
    FIELD(enos_engine_failure_t, will_retry);
    FIELD(enos_engine_failure_t, hub_code);
    FIELD(enos_engine_failure_t, retry_in_ms);
    FIELD(enos_engine_failure_t, reserved);
    SIZE(enos_engine_settled_t);
    FIELD(enos_engine_settled_t, request);
    FIELD(enos_engine_settled_t, status);
    FIELD(enos_engine_settled_t, hub_code);
    FIELD(enos_engine_settled_t, data);
    FIELD(enos_engine_settled_t, message);
    SIZE(enos_engine_command_t);
    FIELD(enos_engine_command_t, call);
    FIELD(enos_engine_command_t, device);
    FIELD(enos_engine_command_t, kind);
    FIELD(enos_engine_command_t, reserved);
    FIELD(enos_engine_command_t, service);
    FIELD(enos_engine_command_t, params);
    SIZE(enos_engine_warning_t);
    FIELD(enos_engine_warning_t, status);
    FIELD(enos_engine_warning_t, number);
    SIZE(enos_engine_as_t);
    SIZE(enos_engine_output_t);
    FIELD(enos_engine_output_t, size);
    FIELD(enos_engine_output_t, tag);
    FIELD(enos_engine_output_t, as);
    SIZE(enos_engine_stats_t);
    FIELD(enos_engine_stats_t, size);
    FIELD(enos_engine_stats_t, open_requests);
    FIELD(enos_engine_stats_t, queued_bytes);
    FIELD(enos_engine_stats_t, bytes_sent);
    FIELD(enos_engine_stats_t, bytes_received);
    FIELD(enos_engine_stats_t, messages_sent);
    FIELD(enos_engine_stats_t, messages_received);
    FIELD(enos_engine_stats_t, retries);
    FIELD(enos_engine_stats_t, reconnects);
    FIELD(enos_engine_stats_t, acknowledged);
    FIELD(enos_engine_stats_t, rejected);
    FIELD(enos_engine_stats_t, failed);
    FIELD(enos_engine_stats_t, dropped_oversize);
    FIELD(enos_engine_stats_t, dropped_unknown);
    FIELD(enos_engine_stats_t, dropped_malformed);
    FIELD(enos_engine_stats_t, dropped_stray);
    FIELD(enos_engine_stats_t, dropped_answers);
    return 0;
}
