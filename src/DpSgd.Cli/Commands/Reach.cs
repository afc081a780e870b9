using System.Globalization;

namespace DpSgd.Cli.Commands;

/// <summary>Targets that may be out of reach.</summary>
internal static class Reach
{
    /// <summary>What a search finds.</summary>
    /// <exception cref="NoAnswerException">Nothing reaches the target; the message is the library's, with the option's name.</exception>
    public static T OrSayWhyNot<T>(Func<T> search)
    {
        try
        {
            return search();
        }
        catch (ArgumentOutOfRangeException e) when (e.ParamName == "targetEpsilon")
        {
            var named = string.Create(CultureInfo.InvariantCulture, $"--epsilon {e.ActualValue}");
            throw new NoAnswerException(e.Message.Split(" (Parameter", 2)[0].Replace("targetEpsilon", named, StringComparison.Ordinal));
        }
    }
}
