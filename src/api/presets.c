// Chapter 2: configurations of presets and models.
#include "config/config_file.h"
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
    char path[PATH_CAPACITY];
    TRY(model_config_path(directory, path));
    return sigmoe_config_from_file(path, out);
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
