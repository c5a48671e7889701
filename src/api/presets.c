// Chapter 2: configurations of presets and models.
#include "config/model_directory.h"
#include "paper/presets.h"
#include "model/size.h"
#include "train/checkpoint.h"

sigmoe_status sigmoe_config_from_preset(const char *name, sigmoe_config **out) {
    preset p;
    TRY(preset_named(name, &p));
    TRY(sigmoe_config_create(out));
    (*out)->model = p.config;
    (*out)->settings = p.settings;
    (*out)->vocabulary_from_data = true;
    return SIGMOE_OK;
}

sigmoe_status sigmoe_config_from_model(const char *directory, sigmoe_config **out) {
    char own[PATH_CAPACITY];
    sigmoe_config *config;
    TRY(model_locate(directory, own));
    TRY(sigmoe_config_create(&config));
    sigmoe_status status = model_read_config(own, config);
    if (status == SIGMOE_OK) status = model_check_sum(own);
    if (status == SIGMOE_OK)
        *out = config;
    else
        sigmoe_config_free(config);
    return status;
}

int sigmoe_preset_count(void) {
    return preset_count();
}

sigmoe_status sigmoe_preset_at(int index, sigmoe_preset *out) {
    preset p;
    TRY(preset_at(index, &p));
    *out = p.about;
    return model_parameter_count(&p.config, &out->parameters);
}
