using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace DpSgd.Cli.Answers;

/// <summary>
/// Writes answers as JSON. Infinity is the text "Infinity", and not null: in the languages that read this, null compares as
/// less than any bound on epsilon, and the text does not.
/// </summary>
[JsonSerializable(typeof(GuaranteeJson))]
[JsonSerializable(typeof(NoiseJson))]
[JsonSerializable(typeof(StepsJson))]
[JsonSerializable(typeof(StatementJson))]
[JsonSerializable(typeof(CompareJson))]
[JsonSerializable(typeof(PlotJson))]
internal sealed partial class AnswerJson : JsonSerializerContext
{
    private static readonly AnswerJson Context = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        NewLine = "\n",
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    public static string Write<T>(T answer) => JsonSerializer.Serialize(answer, (JsonTypeInfo<T>)Context.GetTypeInfo(typeof(T))!);
}

/// <summary>The answer of <c>noise</c>.</summary>
internal sealed record NoiseJson(double NoiseMultiplier, double TargetEpsilon, GuaranteeJson Guarantee);

/// <summary>The answer of <c>steps</c>.</summary>
internal sealed record StepsJson(long Steps, double Epochs, double TargetEpsilon, GuaranteeJson Guarantee);

/// <summary>The answer of <c>statement</c>. An epsilon for a person is null when a person may have any number of examples.</summary>
internal sealed record StatementJson(
    GuaranteeJson Guarantee,
    double ExampleEpsilonWithPoissonSampling,
    double ExampleEpsilonOncePerEpoch,
    int? MaxExamplesPerUser,
    double? UserEpsilonWithPoissonSampling,
    double? UserEpsilonOncePerEpoch,
    string Text);

/// <summary>The answer of <c>compare</c>.</summary>
internal sealed record CompareJson(RunJson Run, double Delta, string NeighboringRelation, IReadOnlyList<ComparedJson> Epsilons);

/// <summary>One number of <see cref="CompareJson"/>.</summary>
internal sealed record ComparedJson(string Sampling, string Accountant, double Epsilon);

/// <summary>The answer of <c>plot</c>.</summary>
internal sealed record PlotJson(IReadOnlyList<string> Files, string Against, IReadOnlyList<SeriesJson> Series);

/// <summary>One line of a plot. Points with an infinite epsilon are in it, though they cannot be drawn.</summary>
internal sealed record SeriesJson(
    string? Label, double Delta, string Accountant, string Sampling, IReadOnlyList<double> X, IReadOnlyList<double> Epsilon);
