using System.Text.Json.Serialization;

namespace MnistCnn.Training;

/// <summary>Whose hyperparameters and model.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Recipe>))]
public enum Recipe
{
    /// <summary>TensorFlow Privacy's tutorial.</summary>
    Tutorial,

    /// <summary>The best that is known here for an epsilon: <see cref="Recipes.BestRecipe"/>.</summary>
    Best,
}
